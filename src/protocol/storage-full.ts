/**
 * Whether a shard was lost because SQLite had no room for a commit (SQLITE_FULL). Commits before it
 * were done and answered; of what was not answered nothing was done, and nothing will be.
 */
export function isStorageFull(reason: string): boolean {
  return reason.includes('database or disk is full')
}
