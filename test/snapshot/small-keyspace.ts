import { Keyspace, NOW } from '../auth/keyspace.ts'
import { deleteOf, putOf } from '../mvcc/requests.ts'

/** A lease, a key that has it and an earlier version, and a key that was deleted. */
export function smallKeyspace(): Keyspace {
  const keyspace = new Keyspace()
  const { store, lessor } = keyspace
  lessor.grant({ ID: 7n, TTL: 60 }, NOW)
  store.put(putOf('a', '1'))
  store.put(putOf('a', '22', { lease: 7n }))
  store.put(putOf('b', 'x'.repeat(20)))
  store.deleteRange(deleteOf('b'))
  return keyspace
}
