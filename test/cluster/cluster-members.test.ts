import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ClusterMembers } from '../../src/cluster/cluster-members.ts'
import { type ClusterHost, memberList, transferee } from '../../src/cluster/cluster-service.ts'
import type { ClusterNode, InitialMember } from '../../src/config/cluster.ts'
import { Downgrade } from '../../src/maintenance/downgrade.ts'
import { migrate } from '../../src/mvcc/migrations.ts'
import { CLUSTER_VERSION } from '../../src/protocol/version.ts'
import { NodeSql } from '../mvcc/node-sql.ts'

const scripts = ['0008_members', '0020_cluster_member'].map((file) =>
  readFileSync(new URL(`../../migrations/${file}.sql`, import.meta.url), 'utf8'),
)

const [a, b, c] = (['a', 'b', 'c'] as const).map((name, place) => ({
  id: String(place + 1),
  name,
  peerUrls: [`http://10.0.0.${place + 1}:2380`],
})) as [InitialMember, InitialMember, InitialMember]

function nodeOf(member: InitialMember): ClusterNode {
  return { ...member, clientUrls: [`http://${member.name}:2379`] }
}

/** What the service needs of a keyspace that the node of `a` has. */
class Cluster implements ClusterHost {
  readonly sql = new NodeSql()
  readonly identity = { memberId: 1n }
  readonly settings = { name: 'a', advertiseClientUrls: ['http://a:2379'] }
  readonly removed: bigint[] = []
  members: ClusterMembers
  downgrade: Downgrade
  readonly #initial: readonly InitialMember[]
  #ids = 100n

  constructor(initial: readonly InitialMember[] = [a, b, c]) {
    this.#initial = initial
    migrate(
      this.sql,
      scripts.map((script, place) => ({ name: `000${place + 1}_members`, script })),
    )
    this.members = this.evict()
    this.downgrade = new Downgrade(this.sql, CLUSTER_VERSION)
  }

  /** As when another node takes the keyspace over. */
  evict(initial = this.#initial): ClusterMembers {
    this.members = new ClusterMembers(this.sql, {
      cluster: { own: '1', members: initial },
      random: () => this.#ids++,
      maxLearners: 1,
      removed: (id) => this.removed.push(id),
    })
    return this.members
  }

  header() {
    return { clusterId: 1n, memberId: 1n, revision: 1, raftTerm: 2 }
  }
}

describe('the members of a cluster', () => {
  it('[CLU7] are those of the first start until the calls of the Cluster service change them', () => {
    const cluster = new Cluster()
    expect(memberList(cluster, 'http://asked').members).toEqual(
      [a, b, c].map(({ id, name, peerUrls }) => ({
        ID: BigInt(id),
        name,
        peerURLs: peerUrls,
        clientURLs: [],
        isLearner: false,
      })),
    )
    cluster.members.join(nodeOf(b))
    cluster.members.remove(3n)
    cluster.members.update(1n, ['http://10.0.0.9:2380'])
    const { id } = cluster.members.add(['http://10.0.0.4:2380'], true)
    cluster.evict([a])
    expect(memberList(cluster, undefined).members).toEqual([
      {
        ID: 1n,
        name: 'a',
        peerURLs: ['http://10.0.0.9:2380'],
        clientURLs: [],
        isLearner: false,
      },
      {
        ID: 2n,
        name: 'b',
        peerURLs: b.peerUrls,
        clientURLs: ['http://b:2379'],
        isLearner: false,
      },
      { ID: id, name: '', peerURLs: ['http://10.0.0.4:2380'], clientURLs: [], isLearner: true },
    ])
    expect(cluster.removed).toEqual([3n])
  })

  it('[CLU8] are nodes by their peer URLs, else by their ids, and tell of themselves', () => {
    const { members, sql } = new Cluster()
    expect(members.join({ ...nodeOf(b), id: '77' })).toBe(2n)
    const rows = sql.changes
    expect(members.join(nodeOf(b))).toBe(2n)
    expect(sql.changes).toBe(rows)
    members.update(2n, ['http://10.0.0.8:2380'])
    expect(members.idOf(nodeOf(b))).toBe(2n)
    expect(members.idOf({ ...nodeOf(b), id: '77', peerUrls: ['http://10.0.0.8:2380'] })).toBe(2n)
    const stranger = { ...nodeOf(b), id: '77' }
    expect(members.idOf(stranger)).toBeUndefined()
    expect(() => members.join(stranger)).toThrow('add it with etcdctl member add')
    members.remove(3n)
    expect(() => members.join(nodeOf(c))).toThrow('permanently removed from the cluster')
    const { id } = members.add(c.peerUrls, false)
    expect(members.join(nodeOf(c))).toBe(id)
  })

  it('[CLU9] change as long as a majority of them has started', () => {
    const { members } = new Cluster()
    const first = members.add(['http://10.0.0.4:2380'], false)
    members.add(['http://10.0.0.5:2380'], false)
    expect(() => members.add(['http://10.0.0.6:2380'], false)).toThrow('not enough started')
    expect(() => members.add(['http://10.0.0.4:2380'], true)).toThrow('already exists')
    expect(() => members.add(['foo'], true)).toThrow('given member URLs are invalid')
    expect(() => members.remove(3n)).toThrow('not enough started')
    expect(() => members.remove(99n)).toThrow('member not found')
    expect(() => members.update(99n, ['http://10.0.0.7:2380'])).toThrow('member not found')
    members.remove(first.id)
    members.remove(3n)
    expect(members.list().map(({ id }) => id)).toEqual([1n, 2n, 101n])
    expect(() => members.remove(3n)).toThrow('member not found')
  })

  it('[CLU10] are voters once they have started, where they were learners', () => {
    const { members } = new Cluster([a])
    const learner = members.add(['http://10.0.0.4:2380'], true)
    expect(() => members.add(['http://10.0.0.5:2380'], true)).toThrow('too many learner')
    expect(() => members.promote(learner.id)).toThrow('in sync with leader')
    expect(() => members.promote(1n)).toThrow('only promote a learner')
    expect(() => members.promote(99n)).toThrow('member not found')
    members.join({ ...nodeOf(b), peerUrls: ['http://10.0.0.4:2380'] })
    expect(members.isVoter(learner.id)).toBe(false)
    members.promote(learner.id)
    expect(members.isVoter(learner.id)).toBe(true)
  })

  it('[CLU12] lead where they are told to by the one that leads, and have started', () => {
    const cluster = new Cluster()
    cluster.members.join(nodeOf(b))
    expect(() => transferee(cluster, { targetID: 2n }, 2n)).toThrow('etcdserver: not leader')
    expect(transferee(cluster, { targetID: 2n }, 1n)).toBe(2n)
    expect(transferee(cluster, { targetID: 1n }, 1n)).toBeUndefined()
    for (const targetID of [3n, 99n]) {
      expect(() => transferee(cluster, { targetID }, 1n)).toThrow('bad leader transferee')
    }
  })
})
