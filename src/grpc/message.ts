import { Code, RpcStatus } from '../protocol/status.ts'

/** A flag (1: compressed) and four bytes of length stand before every message. */
const PREFIX_BYTES = 5
const FIRST_BYTES = 4096

export interface GrpcMessage {
  readonly flag: number
  /** A view of what was received where the message came in one piece. */
  readonly payload: Uint8Array
}

/**
 * Cuts what a client sends into messages. Holds no more than the message under way, whose memory grows
 * as it comes: neither its announced length nor the number of its pieces costs anything.
 */
export class MessageReader {
  readonly #bytesMax: number
  #input: Uint8Array = noBytes
  /** Not a view of what others came in. */
  #isOwnInput = false
  #position = 0
  #flag = 0
  /** Of the prefix under way, and of the length as far as it is there. */
  #prefixLength = 0
  #announced = 0
  /** Of the message under way, once its prefix is there. */
  #length = -1
  #partial: Uint8Array | undefined
  #partialLength = 0

  /** Longer messages are refused. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The messages must have been taken by `next` before more is added. */
  add(chunk: Uint8Array): void {
    this.#input = chunk
    this.#isOwnInput = false
    this.#position = 0
  }

  /** The next whole message, undefined when more is needed. Throws RpcStatus for one that is too long. */
  next(): GrpcMessage | undefined {
    if (this.#length < 0 && !this.#readPrefix()) {
      return undefined
    }
    const payload = this.#readPayload()
    if (payload === undefined) {
      return undefined
    }
    this.#length = -1
    this.#prefixLength = 0
    return { flag: this.#flag, payload }
  }

  /** The end of input comes inside a message. grpc-go takes half a prefix for nothing. */
  get isInMessage(): boolean {
    return this.#length >= 0
  }

  /** Messages are left that are not asked for now: a view would keep all that came with them. */
  keep(): void {
    if (this.#position === this.#input.length) {
      this.add(noBytes)
    } else if (!this.#isOwnInput) {
      this.add(Buffer.from(this.#input.subarray(this.#position)))
      this.#isOwnInput = true
    }
  }

  /** Nobody asks any more. */
  drop(): void {
    this.add(noBytes)
    this.#partial = undefined
    this.#partialLength = 0
  }

  /** Memory of what is kept, and of a message that is not whole. */
  get heldBytes(): number {
    return this.#input.length + (this.#partial?.length ?? 0)
  }

  #readPrefix(): boolean {
    while (this.#prefixLength < PREFIX_BYTES) {
      if (this.#position === this.#input.length) {
        return false
      }
      const byte = this.#input[this.#position++] ?? 0
      if (this.#prefixLength++ === 0) {
        this.#flag = byte
        this.#announced = 0
      } else {
        this.#announced = ((this.#announced << 8) | byte) >>> 0
      }
    }
    this.#length = this.#announced
    if (this.#length > this.#bytesMax) {
      const sizes = `${this.#length} vs. ${this.#bytesMax}`
      throw new RpcStatus(
        Code.RESOURCE_EXHAUSTED,
        `grpc: received message larger than max (${sizes})`,
      )
    }
    return true
  }

  #readPayload(): Uint8Array | undefined {
    const missing = this.#length - this.#partialLength
    const taken = this.#input.subarray(this.#position, this.#position + missing)
    this.#position += taken.length
    if (this.#partial === undefined && taken.length === missing) {
      return taken
    }
    this.#grow(taken)
    if (this.#partialLength < this.#length) {
      return undefined
    }
    const whole = this.#partial?.subarray(0, this.#length)
    this.#partial = undefined
    this.#partialLength = 0
    return whole
  }

  #grow(taken: Uint8Array): void {
    const length = this.#partialLength + taken.length
    if (this.#partial === undefined || this.#partial.length < length) {
      const room = Math.max(FIRST_BYTES, length, 2 * (this.#partial?.length ?? 0))
      const larger = Buffer.allocUnsafeSlow(Math.min(this.#length, room))
      larger.set(this.#partial?.subarray(0, this.#partialLength) ?? noBytes)
      this.#partial = larger
    }
    this.#partial.set(taken, this.#partialLength)
    this.#partialLength = length
  }
}

const noBytes = new Uint8Array(0)

/** The bytes of one message, whose parts stay where they are. */
export function frameMessage(flag: number, parts: readonly Uint8Array[]): Uint8Array[] {
  let length = 0
  for (const part of parts) {
    length += part.length
  }
  return [messagePrefix(flag, length), ...parts]
}

/** What stands before a message. */
export function messagePrefix(flag: number, messageBytes: number): Uint8Array {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES)
  prefix[0] = flag
  prefix.writeUInt32BE(messageBytes, 1)
  return prefix
}
