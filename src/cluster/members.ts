import { assert } from '../mvcc/errors.ts'
import { type Sql, textOf } from '../mvcc/sql.ts'
import { statusOf } from '../protocol/status.ts'
import { peerUrl } from './peer-url.ts'

const SELECT_MEMBERS = 'SELECT id, peer_urls, learner FROM member'
const UPSERT_MEMBER = `
INSERT INTO member (id, peer_urls, learner) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET peer_urls = excluded.peer_urls`
const DELETE_MEMBER = 'DELETE FROM member WHERE id = ?'

/** A member as raft knows it; name and client URLs are its own to tell once it has started. */
export interface RaftMember {
  /** A uint64. */
  readonly id: bigint
  readonly peerURLs: readonly string[]
  readonly isLearner: boolean
  /** What its node has told of itself, where members are nodes. */
  readonly attributes?: { readonly name: string; readonly clientURLs: readonly string[] }
}

/** One of another keyspace: that itself, or one that was added there. */
export interface FollowedMember extends Pick<RaftMember, 'id' | 'peerURLs' | 'isLearner'> {
  readonly isOwn: boolean
}

/** The members of a keyspace: one that serves alone, or those of a cluster. */
export interface MemberList {
  /** Counts what is written. */
  readonly changes: number
  /** By their ids. */
  list(): readonly RaftMember[]
  isVoter(id: bigint): boolean
  add(urls: readonly string[], isLearner: boolean): RaftMember
  remove(id: bigint): void
  update(id: bigint, urls: readonly string[]): void
  promote(id: bigint): void
}

export interface MemberSettings {
  /** This member's own. No peer ever dials it, but every member of a cluster has one. */
  readonly peerUrls: readonly string[]
  readonly maxLearners: number
}

/**
 * The cluster's members: this one, which leads and serves, and those that an operator has added.
 * There is nothing to replicate to, so an added member never starts, and every check is that of a
 * healthy one-member etcd in which it has not started (server/etcdserver/server.go and
 * api/membership/cluster.go). Where adding a voter costs etcd its quorum, this one goes on.
 *
 * Each change is one statement, and memory follows it; whoever rolls a larger transaction back goes
 * on with new Members.
 */
export class Members implements MemberList {
  readonly #sql: Sql
  readonly #own: bigint
  readonly #random: () => bigint
  readonly #learnersMax: number
  readonly #members = new Map<bigint, RaftMember>()
  /** Counts what is written. */
  changes = 0

  /** `own` is this member's id; `random` gives the ids of others, which etcd hashes from the time. */
  constructor(
    sql: Sql,
    own: bigint,
    random: () => bigint,
    { peerUrls, maxLearners }: MemberSettings,
  ) {
    this.#sql = sql
    this.#own = own
    this.#random = random
    this.#learnersMax = maxLearners
    this.#members.set(own, { id: own, peerURLs: peerUrls.toSorted(), isLearner: false })
    for (const [id, peerURLs, learner] of sql.all(SELECT_MEMBERS)) {
      const member = { id: BigInt(textOf(id)), peerURLs: urlsOf(textOf(peerURLs)) }
      this.#members.set(member.id, { ...member, isLearner: learner === 1 })
    }
  }

  /** By their ids. */
  list(): readonly RaftMember[] {
    return [...this.#members.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  }

  isVoter(id: bigint): boolean {
    return this.#members.get(id)?.isLearner === false
  }

  add(urls: readonly string[], isLearner: boolean): RaftMember {
    const peerURLs = parsedPeerUrls(urls).toSorted()
    // Beside a voter that has not started, etcd takes neither another one nor a learner.
    if (this.#voters() > 1) {
      throw statusOf(isLearner ? 'unhealthy' : 'member-not-enough-started')
    }
    this.#requireFree(peerURLs)
    const learners = this.#members.size - this.#voters()
    if (isLearner && learners >= this.#learnersMax) {
      throw statusOf('too-many-learners')
    }
    const member = { id: this.#freeId(), peerURLs, isLearner }
    this.#save(member)
    return member
  }

  /** This member stays: without it no started voter is left. */
  remove(id: bigint): void {
    const member = this.#members.get(id)
    const others = this.#voters() - (this.isVoter(id) ? 1 : 0)
    const started = id === this.#own ? 0 : 1
    if (member?.isLearner !== true && started < quorum(others)) {
      throw statusOf('member-not-enough-started')
    }
    if (member === undefined) {
      throw statusOf('member-not-found')
    }
    this.#sql.run(DELETE_MEMBER, String(id))
    this.#members.delete(id)
    this.changes++
  }

  /** etcd looks at the URLs only when it is to dial them, and then one that is none crashes it. */
  update(id: bigint, peerURLs: readonly string[]): void {
    const member = this.#members.get(id)
    if (member === undefined) {
      throw statusOf('member-not-found')
    }
    this.#requireFree(peerURLs, id)
    if (id !== this.#own) {
      parsedPeerUrls(peerURLs)
    }
    this.#save({ ...member, peerURLs })
  }

  /** Never succeeds: this member is no learner, and no other one has ever caught up. */
  promote(id: bigint): never {
    if (!this.#members.has(id)) {
      throw statusOf('member-not-found')
    }
    throw statusOf(id === this.#own ? 'member-not-learner' : 'learner-not-ready')
  }

  /** Makes them what those of another keyspace are, in whose own member's place this one is. */
  follow(members: readonly FollowedMember[]): void {
    const kept = new Set(members.map(({ id }) => id))
    for (const id of this.#members.keys()) {
      if (id !== this.#own && !kept.has(id)) {
        this.#sql.run(DELETE_MEMBER, String(id))
        this.#members.delete(id)
      }
    }
    for (const { isOwn, ...member } of members) {
      const id = isOwn ? this.#own : member.id
      if (this.#members.get(id)?.peerURLs.join() !== member.peerURLs.join()) {
        this.#save({ ...member, id })
      }
    }
  }

  #voters(): number {
    return [...this.#members.keys()].filter((id) => this.isVoter(id)).length
  }

  /** A member may keep what are its own. */
  #requireFree(urls: readonly string[], id?: bigint): void {
    const others = [...this.#members.values()].filter((member) => member.id !== id)
    const taken = new Set(others.flatMap(({ peerURLs }) => peerURLs))
    if (urls.some((url) => taken.has(url))) {
      throw statusOf('peer-url-exists')
    }
  }

  #freeId(): bigint {
    for (;;) {
      const id = this.#random()
      assert(id > 0n && id < 1n << 64n, `${id} is no member id`)
      if (!this.#members.has(id)) {
        return id
      }
    }
  }

  #save(member: RaftMember): void {
    const { id, peerURLs, isLearner } = member
    this.#sql.run(UPSERT_MEMBER, String(id), JSON.stringify(peerURLs), isLearner ? 1 : 0)
    this.#members.set(id, member)
    this.changes++
  }
}

export function quorum(members: number): number {
  return Math.floor(members / 2) + 1
}

/** Throws `member-bad-urls`, which etcd says before it asks who adds a member. */
export function checkPeerUrls(urls: readonly string[]): void {
  parsedPeerUrls(urls)
}

export function parsedPeerUrls(urls: readonly string[]): readonly string[] {
  const peerURLs = urls.map(peerUrl).filter((url) => url !== undefined)
  if (urls.length === 0 || peerURLs.length < urls.length) {
    throw statusOf('member-bad-urls')
  }
  return peerURLs
}

function urlsOf(json: string): readonly string[] {
  return JSON.parse(json) as readonly string[]
}
