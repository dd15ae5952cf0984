/** What a person typing the command should read: one line, no stack. Codes are etcd's: 2 for a flag that cannot be parsed, else 1. */
export class Failure extends Error {
  readonly exitCode: 1 | 2

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** The `code` of a Node system error, such as EADDRINUSE. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}
