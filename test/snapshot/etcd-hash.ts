import { crc32c } from '../model-hash.ts'
import { bytes, text } from '../model-rules.ts'
import type { BufferedEntry } from './content.ts'

/** A row of etcd's `key` bucket, as far as its hash looks into it. */
interface Row extends BufferedEntry {
  readonly main: number
  readonly deleted: boolean
  /** The key that the row is of. */
  readonly of: string
}

/**
 * HashKV of what a file holds, as etcd computes it from its own (server/storage/mvcc/hash.go), at the
 * revision given.
 */
export function hashOfRows(
  entries: readonly BufferedEntry[],
  revision: number,
  compactRevision: number,
): number {
  const rows = entries.map(rowOf).filter(({ main }) => main <= revision)
  const last = new Map(rows.map((row) => [row.of, row]))
  const kept = new Set([...last.values()].filter(({ deleted }) => !deleted))
  let crc = crc32c(bytes('key'), 0)
  for (const row of rows) {
    const superseded = row.main <= compactRevision && kept.size > 0 && !kept.has(row)
    if (!superseded && !(row.deleted && row.main === compactRevision)) {
      crc = crc32c(row.value, crc32c(row.key, crc))
    }
  }
  return crc
}

function rowOf({ key, value }: BufferedEntry): Row {
  const main = Number(key.readBigUInt64BE(0))
  return { key, value, main, deleted: key.length === 18, of: text(keyField(value)) }
}

/** The first field of a KeyValue. */
function keyField(value: Buffer): Uint8Array {
  let length = 0
  let place = 1
  for (let shift = 0; ; shift += 7) {
    const byte = value[place++] ?? 0
    length |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      return value.subarray(place, place + length)
    }
  }
}
