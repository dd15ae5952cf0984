import type { Revision } from '../mvcc/types.ts'
import type { FollowerOutput, ReadRequest, Standing } from './follower-events.ts'

/**
 * What the leader revoked counts here after so many ms at the latest, also where the leader cannot be reached: an older
 * contact does not do for a serializable read of a keyspace that asks who comes.
 */
export const CONTACT_MS = 10_000

export function isBehind({ minRevision = 0 }: ReadRequest, revision: Revision): boolean {
  return revision < minRevision
}

/** What becomes of a read where the leader cannot be reached; `age` is that of the last contact, in ms. */
export function fallback(
  request: ReadRequest,
  standing: Standing | undefined,
  age: number,
): FollowerOutput | 'ask' {
  const { id, level, isGuarded } = request
  if (level === 'linearizable' || standing === undefined || isBehind(request, standing.revision)) {
    return 'ask'
  }
  const isFresh = standing.state !== undefined && age <= CONTACT_MS
  return isFresh || !isGuarded ? { kind: 'answer', id } : { kind: 'refuse', id, why: 'unreachable' }
}
