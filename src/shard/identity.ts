import { type Sql, textOf } from '../mvcc/sql.ts'

const SELECT_IDENTITY = 'SELECT cluster_id, member_id FROM identity WHERE one = 1'
const INSERT_IDENTITY = 'INSERT INTO identity (one, cluster_id, member_id) VALUES (1, ?, ?)'

/** A keyspace answers as one member: the only one or, of a cluster, the one whose node has the keyspace. */
export interface Identity {
  readonly clusterId: bigint
  readonly memberId: bigint
}

/** Chosen at random when the keyspace is made, and kept from then on; but of a cluster `node` is the member. */
export function identityOf(sql: Sql, random: () => bigint, node: bigint | undefined): Identity {
  const { clusterId, memberId } = keptIdentity(sql, random)
  return { clusterId, memberId: node ?? memberId }
}

function keptIdentity(sql: Sql, random: () => bigint): Identity {
  const row = sql.first(SELECT_IDENTITY)
  if (row !== undefined) {
    return { clusterId: BigInt(textOf(row[0])), memberId: BigInt(textOf(row[1])) }
  }
  const identity = { clusterId: random(), memberId: random() }
  sql.run(INSERT_IDENTITY, identity.clusterId.toString(), identity.memberId.toString())
  return identity
}

/** A positive int64. */
export function randomId(): bigint {
  const [word = 0n] = crypto.getRandomValues(new BigUint64Array(1))
  return BigInt.asUintN(63, word) || 1n
}
