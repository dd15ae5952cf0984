/** What the engine can refuse. Codes and texts are the protocol's business (`protocol/status.ts`). */
export type ErrorKind =
  | 'empty-key'
  | 'key-not-found'
  | 'value-provided'
  | 'lease-provided'
  | 'too-many-ops'
  | 'duplicate-key'
  | 'invalid-sort-option'
  | 'sort-too-large'
  | 'txn-reads-too-much'
  | 'compacted'
  | 'future-revision'
  | 'lease-not-found'
  | 'lease-exists'
  | 'lease-ttl-too-large'
  | 'no-space'
  | 'corrupt'
  | 'request-too-large'
  | 'too-many-requests'
  | 'root-user-missing'
  | 'root-role-missing'
  | 'user-exists'
  | 'user-empty'
  | 'user-not-found'
  | 'role-exists'
  | 'role-not-found'
  | 'role-empty'
  | 'auth-failed'
  | 'no-password-user'
  | 'permission-not-given'
  | 'permission-denied'
  | 'role-not-granted'
  | 'permission-not-granted'
  | 'auth-not-enabled'
  | 'invalid-auth-token'
  | 'invalid-auth-management'
  | 'auth-old-revision'
  | 'too-many-access-tokens'
  | 'access-read-only'

/**
 * An expected refusal. It is thrown before the first write of an operation, so that a caller who
 * catches it outside the operation's transaction finds the store unchanged.
 */
export class EngineError extends Error {
  readonly kind: ErrorKind

  constructor(kind: ErrorKind) {
    super(kind)
    this.name = 'EngineError'
    this.kind = kind
  }
}

/** A state that correct code cannot reach: on in production, because a wrong answer is worse. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) {
    throw new Error(`invariant broken: ${message}`)
  }
}
