import type { Change } from '../mvcc/history.ts'
import type { Revision } from '../mvcc/types.ts'
import type { Frame } from './frame.ts'

/** What a part has, about: it is written in one turn of the event loop, in a few milliseconds. */
const PART_CHANGES = 64
const PART_BYTES = 64 * 1024

/**
 * A long frame in parts, of whole revisions: for one who has the log without the state, and gets that with the last part,
 * or later. Throws ArchiveDamage.
 */
export function* partsOf(
  frame: Frame,
  most: { readonly changes: number; readonly bytes: number } = {
    changes: PART_CHANGES,
    bytes: PART_BYTES,
  },
): Generator<{ readonly part: Frame; readonly isLast: boolean }, void> {
  let { from } = frame
  let changes: Change<Uint8Array>[] = []
  let bytes = 0
  let last: Revision = from - 1
  for (const change of frame.changes) {
    const isEnough = changes.length >= most.changes || bytes >= most.bytes
    if (isEnough && change.main !== last) {
      yield { part: { ...frame, from, to: last, changes, state: undefined }, isLast: false }
      from = last + 1
      changes = []
      bytes = 0
    }
    changes.push(change)
    bytes += change.kv.key.length + change.kv.value.length
    last = change.main
  }
  yield { part: { ...frame, from, changes }, isLast: true }
}
