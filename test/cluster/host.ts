import { readFileSync } from 'node:fs'
import type { ClusterHost } from '../../src/cluster/cluster-service.ts'
import { Members } from '../../src/cluster/members.ts'
import { Downgrade } from '../../src/maintenance/downgrade.ts'
import { migrate } from '../../src/mvcc/migrations.ts'
import { CLUSTER_VERSION } from '../../src/protocol/version.ts'
import { NodeSql } from '../mvcc/node-sql.ts'

const file = new URL('../../migrations/0008_members.sql', import.meta.url)

export const OWN = 7n
/** etcd's defaults. */
export const memberSettings = { peerUrls: ['http://localhost:2380'], maxLearners: 1 }

/** What the cluster's services need of a keyspace, over a database with their tables alone. */
export class Host implements ClusterHost {
  readonly sql = new NodeSql()
  readonly identity = { memberId: OWN }
  readonly settings = { name: 'default', advertiseClientUrls: ['http://127.0.0.1:2379'] }
  members: Members
  downgrade: Downgrade
  #ids = 100n

  constructor() {
    migrate(this.sql, [{ name: '0001_members', script: readFileSync(file, 'utf8') }])
    this.members = this.#openMembers()
    this.downgrade = new Downgrade(this.sql, CLUSTER_VERSION)
  }

  /** As when a Durable Object is evicted: memory is lost, the database stays. */
  evict(): void {
    this.members = this.#openMembers()
    this.downgrade = new Downgrade(this.sql, CLUSTER_VERSION)
  }

  header() {
    return { clusterId: 1n, memberId: OWN, revision: 1, raftTerm: 2 }
  }

  #openMembers(): Members {
    return new Members(this.sql, OWN, () => ++this.#ids, memberSettings)
  }
}
