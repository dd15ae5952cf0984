import type { ArchivedState } from '../../archive/state.ts'
import { FIRST_INDEX } from '../../v2/event-history.ts'

/** In place of marks: nothing of the state was sent, or nobody knows. */
export const ALL = ''

/** By which one sees of each field of the state whether it is still as it was sent. */
export interface Marks extends Readonly<
  Record<keyof ArchivedState | 'compaction', string | number>
> {
  /** The index of the v2 store. */
  readonly v2: number
}

/** Those of a state of which nothing is known but the index that the v2 store had. */
export function marksOfIndex(v2: number): string {
  return JSON.stringify({ v2 })
}

/** Which index that was. */
export function indexIn(marks: string): number {
  const { v2 = FIRST_INDEX } = marks === ALL ? {} : (JSON.parse(marks) as Partial<Marks>)
  return v2
}
