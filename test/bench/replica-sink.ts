import type { DurableObjectNamespace } from '../../src/host/namespace.ts'
import { WorkerResponse } from '../../src/host/response.ts'
import { WorkerWebSocket } from '../../src/host/web-socket.ts'
import type {
  FeedRpc,
  Pushed,
  ReplicaCharge,
  ReplicaReport,
} from '../../src/protocol/replica-rpc.ts'

/** Of an object of an archive: what is before its header. */
const HEAD_BYTES = 16

/**
 * A replica that acknowledges all that it is told, and keeps none of it: what a leader does for its replicas is
 * measured by it, without what they do, which is elsewhere.
 */
export class SinkReplica {
  readonly [method: string]: unknown
  readonly #shards: DurableObjectNamespace
  #charge: ReplicaCharge | undefined

  constructor(_ctx: unknown, env: unknown) {
    this.#shards = (env as { readonly SHARD: DurableObjectNamespace }).SHARD
  }

  async beReplica(charge: ReplicaCharge): Promise<void> {
    this.#charge = charge
    const { region, epoch, keyspace } = charge
    const leader = this.#shards.getByName(keyspace) as unknown as FeedRpc
    await leader.follow({ region, epoch, revision: 1, state: undefined })
  }

  push(frame: Uint8Array): Pushed {
    const { epoch, to, state } = headOf(frame)
    const position = state === null ? undefined : { incarnation: state.incarnation, seq: state.seq }
    return { epoch, revision: to, state: position, isAwake: true }
  }

  report(): ReplicaReport {
    const { region, epoch, memberId } = this.#charge as ReplicaCharge
    const now = Date.now()
    const lag = { revision: 1, leaderRevision: 1, contact: now, lagMs: 0, isWhole: true }
    return { region, epoch, memberId, role: 'follower', ...lag }
  }

  /** The leader's feed under load. */
  fetch(): Promise<WorkerResponse> {
    const [client, server] = WorkerWebSocket.pair()
    server.addEventListener('message', (event) => {
      if (event.type === 'message' && typeof event.data !== 'string') {
        server.send(JSON.stringify(this.push(new Uint8Array(event.data))))
      }
    })
    server.accept()
    return Promise.resolve(new WorkerResponse(null, { status: 101, webSocket: client }))
  }
}

interface Head {
  readonly epoch: number
  readonly to: number
  readonly state: { readonly incarnation: string; readonly seq: number } | null
}

/** The header of a frame (archive/container.ts), whose checksums a replica elsewhere would look at. */
function headOf(frame: Uint8Array): Head {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length)
  const length = bytes.readUInt32BE(HEAD_BYTES - 4)
  return JSON.parse(bytes.toString('utf8', HEAD_BYTES, HEAD_BYTES + length)) as Head
}
