import { parseDuration } from './duration.ts'

const hourMs = 3_600_000

/** How much history is kept. */
export type AutoCompaction =
  | { readonly mode: 'periodic'; readonly retentionMs: number }
  | { readonly mode: 'revision'; readonly retentionRevisions: number }

/** A bare number is hours in periodic mode (etcd's embed/config.go), and 0 turns it off. */
export function parseAutoCompaction(
  mode: AutoCompaction['mode'],
  retention: string,
): AutoCompaction | undefined | 'invalid' {
  const count = /^\d+$/.test(retention) ? Number(retention) : undefined
  if (mode === 'revision') {
    if (count === undefined) {
      return 'invalid'
    }
    return count === 0 ? undefined : { mode, retentionRevisions: count }
  }
  const retentionMs = count === undefined ? parseDuration(retention) : count * hourMs
  if (retentionMs === undefined || retentionMs < 0) {
    return 'invalid'
  }
  return retentionMs === 0 ? undefined : { mode, retentionMs }
}
