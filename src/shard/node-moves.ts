import { want, wantedMember } from '../cluster/cluster-term.ts'
import type { ClusterNode } from '../config/cluster.ts'
import { statusOf } from '../protocol/status.ts'
import { nextTurn } from './commit.ts'
import type { Keyspace } from './keyspace.ts'
import { handOver, type Machine } from './machine.ts'
import type { Session } from './session/session.ts'
import type { Sessions } from './session/sessions.ts'

/** How long the runtime may take to let go of what it is to hand over. */
const MOVING_MS_MAX = 10_000

/** How the keyspace of a cluster leaves the node that has it. */
export class NodeMoves {
  readonly #keyspace: Keyspace
  readonly #sessions: Sessions
  readonly #machine: () => Machine | undefined
  #movesUntil = 0

  constructor(keyspace: Keyspace, sessions: Sessions, machine: () => Machine | undefined) {
    this.#keyspace = keyspace
    this.#sessions = sessions
    this.#machine = machine
    keyspace.memberRemoved = (id) => sessions.endMember(id)
  }

  /** Where the keyspace is on that node, the others are to have their answers before it goes. */
  nodeStops(session: Session): void {
    const own = this.#keyspace.settings.cluster?.own
    if (session.node !== undefined && session.node === own) {
      this.#movesUntil = Date.now() + MOVING_MS_MAX
      this.#sessions.leaveAllBut(session)
    } else {
      session.leave()
    }
  }

  /**
   * The node is about to stop, and its own link is to another keyspace, if to any: resolves when the links of others
   * have left. Where it is to this one it tells of that by itself, once its clients have been answered.
   */
  async leaveNode(): Promise<void> {
    if (!this.#sessions.hasOwnNode) {
      this.#movesUntil = Date.now() + MOVING_MS_MAX
      await this.#sessions.leaveAll()
    }
  }

  /** Nodes lose their sockets when the runtime lets go of the object, and the caller has its answer. */
  async moveTo(member: bigint): Promise<void> {
    want(this.#keyspace.sql, member, Date.now())
    await handOver(this.#machine())
    // No timer, which the runtime would wait for.
    this.#movesUntil = Date.now() + MOVING_MS_MAX
    // The answer leaves in the turn between.
    void nextTurn()
      .then(nextTurn)
      .then(() => this.#sessions.moveTo(member))
  }

  /** The runtime may have given the keyspace to another node than the one that it was meant for, and comes now. */
  async moveOn(node: ClusterNode): Promise<void> {
    const { sql, nodes, identity } = this.#keyspace
    const wanted = nodes && wantedMember(sql, Date.now())
    if (wanted !== undefined && wanted !== identity.memberId && wanted === nodes?.idOf(node)) {
      await this.moveTo(wanted)
    }
  }

  /** Whoever comes now would keep the runtime from letting go. */
  requireStaying(): void {
    if (Date.now() < this.#movesUntil) {
      throw statusOf('leader-changed')
    }
  }
}
