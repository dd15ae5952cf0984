import { getSystemErrorMessage } from 'node:util'
import { ObjectStoreError } from '../object-store/object-store.ts'

/** Somebody has to change something before these end. A full disk may have room again. */
const lasting: ReadonlySet<string | undefined> = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOTDIR',
  'EISDIR',
  'ENAMETOOLONG',
  'ELOOP',
  'EXDEV',
  'EINVAL',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
])

/** The code of an error of the operating system, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  const isSystemError = error instanceof Error && 'syscall' in error && 'code' in error
  return isSystemError && typeof error.code === 'string' ? error.code : undefined
}

/** What a file system has refused, as an error of the store. `what` says what was tried, and where. */
export function toldProblem(error: unknown, what: string): unknown {
  const code = codeOf(error)
  if (error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR') {
    return new ObjectStoreError(`${what}: ${error.message}`, { retryable: true, cause: error })
  }
  if (code === undefined || !(error instanceof Error) || !('errno' in error)) {
    return error
  }
  const problem = getSystemErrorMessage(Number(error.errno))
  return new ObjectStoreError(`${what}: ${problem}`, {
    retryable: !lasting.has(code),
    cause: error,
  })
}
