import type { LeaseId } from '../../mvcc/types.ts'
import { nextTurn } from '../commit.ts'
import type { Keyspace } from '../keyspace.ts'

/** What is read in one turn: some milliseconds. */
const KEYS_MAX = 2000

/**
 * The keys of a lease in byte order, read in as many turns as they take: each was attached to the lease
 * in one of them. `gone` aborts when nobody waits for them.
 */
export async function leasedKeys(
  { store }: Keyspace,
  lease: LeaseId,
  gone: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const keys: Uint8Array[] = []
  for (;;) {
    const page = store.leasedKeysAfter(lease, keys.at(-1) ?? NO_BYTES, KEYS_MAX)
    keys.push(...page)
    if (page.length < KEYS_MAX || gone.aborted) {
      return keys
    }
    await nextTurn()
  }
}

const NO_BYTES = new Uint8Array(0)
