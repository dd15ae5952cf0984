import { type Bounds, compareBytes, contains } from '../mvcc/key-range.ts'
import type { KeyValue, Revision } from '../mvcc/types.ts'
import { NotKept } from './broken-archive.ts'
import { CHANGES_AT_ONCE, pause } from './pause.ts'
import { BEGINNING, type Position, type Recovery } from './recovery.ts'

/** What a scan answers is held in memory. */
export const SCAN_BYTES_MAX = 16 * 1024 * 1024

/** Keys as they were at a point, in the order of their bytes. */
export interface Scanned {
  readonly revision: Revision
  readonly kvs: readonly KeyValue[]
}

/**
 * The keys in bounds at a recovery's point. All that leads there is read, and what is in bounds is held.
 * Throws NotKept where that is too much, and BrokenArchive.
 */
export async function scanAt(recovery: Recovery, bounds: Bounds): Promise<Scanned> {
  const found = new Map<string, KeyValue>()
  let bytes = 0
  let looked = 0
  for (let position: Position | undefined = BEGINNING; position !== undefined;) {
    const piece = await recovery.piece(position)
    for (const { deleted, kv } of piece.changes) {
      if (++looked % CHANGES_AT_ONCE === 0) {
        await pause()
      }
      if (contains(bounds, kv.key)) {
        const name = nameOf(kv.key)
        bytes -= bytesOf(found.get(name))
        if (deleted) {
          found.delete(name)
        } else {
          // A copy, as the bytes are a view of the whole object.
          const copy = { ...kv, key: kv.key.slice(), value: kv.value.slice() }
          found.set(name, copy)
          bytes += bytesOf(copy)
        }
        if (bytes > SCAN_BYTES_MAX) {
          throw new NotKept(`there are more than ${SCAN_BYTES_MAX} bytes of keys and values`)
        }
      }
    }
    position = piece.next
  }
  const kvs = [...found.values()].toSorted((a, b) => compareBytes(a.key, b.key))
  return { revision: recovery.point.revision, kvs }
}

function bytesOf(kv: KeyValue | undefined): number {
  return kv === undefined ? 0 : kv.key.length + kv.value.length
}

const latin1 = new TextDecoder('latin1')

/** As a key of a Map: a character for each byte. */
function nameOf(key: Uint8Array): string {
  return latin1.decode(key)
}

/** What became of a key between two points: undefined where it was not, or is not, there. */
export interface Difference {
  readonly before: KeyValue | undefined
  readonly after: KeyValue | undefined
}

/** In the order of keys; what is the same version in both is none. */
export function differencesOf(before: Scanned, after: Scanned): readonly Difference[] {
  const differences: Difference[] = []
  let [i, j] = [0, 0]
  for (;;) {
    const [a, b] = [before.kvs[i], after.kvs[j]]
    if (a === undefined && b === undefined) {
      return differences
    }
    const order = a === undefined ? 1 : b === undefined ? -1 : compareBytes(a.key, b.key)
    i += order <= 0 ? 1 : 0
    j += order >= 0 ? 1 : 0
    const [left, right] = [order <= 0 ? a : undefined, order >= 0 ? b : undefined]
    if (left?.modRevision !== right?.modRevision) {
      differences.push({ before: left, after: right })
    }
  }
}
