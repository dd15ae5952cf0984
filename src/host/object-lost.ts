import { isStorageFull } from '../protocol/storage-full.ts'

/** An object that went away under a call, with the marks that workerd puts on such an error. */
export class ObjectLost extends Error {
  readonly durableObjectReset = true
  readonly retryable = true
}

/** Whether the disk has no room for a write: as SQLite says it, or the system at a flush. */
export function isDiskFull(error: Error & { readonly code?: unknown }): boolean {
  return isStorageFull(error.message) || error.code === 'ENOSPC' || error.code === 'EDQUOT'
}
