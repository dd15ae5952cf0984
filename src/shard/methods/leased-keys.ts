import type { LeaseId } from '../../mvcc/types.ts'
import { encode } from '../../protocol/binary.ts'
import { LeaseTimeToLiveResponse } from '../../protocol/generated/messages.ts'
import { nextTurn } from '../commit.ts'
import type { Keyspace } from '../keyspace.ts'

/** What is read in one turn: some milliseconds. */
const KEYS_MAX = 1000

/**
 * The keys of a lease in byte order, encoded as the last field of the answer: a hundred thousand of them
 * would be as many objects. They are read in as many turns as they take: each was attached to the lease in
 * one of them. `gone` aborts when nobody waits for them.
 */
export async function leasedKeys(
  { store }: Keyspace,
  lease: LeaseId,
  gone: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const parts: Uint8Array[] = []
  let after: Uint8Array = NO_BYTES
  for (;;) {
    const keys = store.leasedKeysAfter(lease, after, KEYS_MAX)
    parts.push(encode(LeaseTimeToLiveResponse, { ...LeaseTimeToLiveResponse.empty(), keys }))
    after = keys.at(-1) ?? NO_BYTES
    if (keys.length < KEYS_MAX || gone.aborted) {
      return parts
    }
    await nextTurn()
  }
}

const NO_BYTES = new Uint8Array(0)
