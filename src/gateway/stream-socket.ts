import {
  CREDIT_WINDOW_BYTES,
  decodeFrames,
  encodeCredit,
  encodeFrames,
  type Frame,
  FrameKind,
} from '../protocol/frames.ts'

/** A client of the gateway has a socket of its own, and on it one stream. */
const STREAM = 1

/** Every credit wakes the shard, so it is given for a good part of the window at a time. */
const CREDIT_BYTES_MIN = CREDIT_WINDOW_BYTES / 4

/** How often a shard on another machine is asked whether it is there. */
const PROBE_MS = 2_000
/** After so many in a row without a word it is not. */
const SILENT_PROBES_MAX = 3

/** Hears of what the shard says. */
export interface StreamListener {
  received(frame: Frame): void
  /** The shard ends streams by a frame: a socket that closes was lost with the object behind it. */
  lost(): void
}

/** The one stream of a socket to the shard, from this side. */
export class StreamSocket {
  readonly #socket: WebSocket
  readonly #probes: ReturnType<typeof setInterval> | null
  #taken = 0
  #silentProbes = 0

  /** A shard that `mayVanish` is on a machine which can die without a word. */
  constructor(socket: WebSocket, mayVanish: boolean, listener: StreamListener) {
    this.#socket = socket
    const lost = (): void => {
      clearInterval(this.#probes)
      listener.lost()
    }
    this.#probes = mayVanish ? setInterval(() => this.#probe(lost), PROBE_MS) : null
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) {
        this.#silentProbes = 0
        decodeFrames(new Uint8Array(data)).forEach((frame) => listener.received(frame))
      }
    })
    socket.addEventListener('close', lost)
    socket.addEventListener('error', lost)
    socket.accept()
  }

  /** Tells the shard that the client has got so many bytes of responses. */
  credit(size: number): void {
    this.#taken += size
    if (this.#taken >= CREDIT_BYTES_MIN) {
      this.send(FrameKind.CREDIT, encodeCredit(this.#taken))
      this.#taken = 0
    }
  }

  send(kind: number, payload: Uint8Array): void {
    // What is said to a socket that was lost is lost with it; its close event says so.
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(encodeFrames([{ kind, stream: STREAM, payload }]))
    }
  }

  #probe(lost: () => void): void {
    if (this.#silentProbes >= SILENT_PROBES_MAX) {
      this.close()
      lost()
    } else {
      this.#silentProbes++
      this.send(FrameKind.PROBE, new Uint8Array(0))
    }
  }

  close(): void {
    clearInterval(this.#probes)
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.close(1000)
    }
  }
}
