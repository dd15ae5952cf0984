import type { Revision } from '../mvcc/types.ts'

/** An epoch of a keyspace: which began behind a revision, and followed on another one. */
export interface Leadership {
  readonly epoch: number
  /** The last revision of the former epoch; 0 of the first one. */
  readonly from: Revision
  /** The epoch that its leader had followed until then; 0 of the first one. */
  readonly former: number
}

/**
 * Whether all that somebody has is of this leader's own history. Who was left behind by more than one epoch is to copy
 * it anew, though it need not have anything else.
 */
export function isOfHistory(
  { epoch, from, former }: Leadership,
  had: { readonly epoch: number; readonly revision: Revision },
): boolean {
  return had.epoch === epoch || (had.epoch === former && had.revision <= from)
}
