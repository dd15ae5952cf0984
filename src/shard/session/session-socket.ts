import type { ClusterNode } from '../../config/cluster.ts'
import type { Authority } from '../../door/door.ts'
import type { CallContext } from '../../protocol/shard-rpc.ts'
import type { SessionMemory } from './session-memory.ts'

/**
 * Resolves when a stream of somebody may begin here; undefined where that is now. Who observes an election is to see the
 * newest, as a linearizable read does. Rejects with an RpcStatus.
 */
export type Ready = (
  level: 'serializable' | 'linearizable',
  context: Pick<CallContext, 'minRevision'>,
) => Promise<void> | undefined

/** A socket, and what is known of who has opened it. */
export interface SessionSocket {
  readonly socket: WebSocket
  readonly authority: Authority
  readonly memory: SessionMemory | undefined
  /** The node of a cluster that has; undefined where that is not known, or one node is all. */
  readonly node?: ClusterNode | undefined
  /** Whether it is a link's, which leaves when it is asked to. */
  readonly isLink?: boolean
}

/** One that has just come: whether it is to remember anything depends on whose it is. */
export type OpenedSocket = Omit<SessionSocket, 'memory'>
