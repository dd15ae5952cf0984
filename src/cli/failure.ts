/**
 * What a person who typed the command should read: one line, no stack. The exit codes are etcd's:
 * 2 for a command line that cannot be parsed, else 1.
 */
export class Failure extends Error {
  readonly exitCode: 1 | 2

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** The `code` of an error of the operating system, such as EADDRINUSE. */
export function systemErrorCode(error: unknown): string | undefined {
  const isSystemError = error instanceof Error && 'syscall' in error && 'code' in error
  return isSystemError && typeof error.code === 'string' ? error.code : undefined
}

/** A full disk and the like are no bugs of ours; anything else that is thrown is, and keeps its stack. */
export function toldFailure(error: unknown): Failure {
  if (error instanceof Failure) {
    return error
  }
  if (error instanceof Error && systemErrorCode(error) !== undefined) {
    return new Failure(error.message)
  }
  throw error
}
