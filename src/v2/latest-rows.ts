import type { Sql } from '../mvcc/sql.ts'
import { bytesOfText, textOfBytes } from '../protocol/byte-text.ts'
import { HISTORY_EVENTS_MAX } from './event-history.ts'
import { isReadOnly, SELECT_NODE } from './node-table.ts'
import { lineage, nameOf, parentOf } from './path.ts'
import { bytesOfRow, type EventRow, eventRowAt, nodeRowOf, type V2Row } from './row-change.ts'

/**
 * What makes of the rows at one index those at the present one, from the changes that the store remembers anyway:
 * what is there now at each path that they touched. Undefined where they are forgotten, or too long.
 */
export function latestRows(
  sql: Sql,
  { from, to, bytesMax }: { readonly from: number; readonly to: number; readonly bytesMax: number },
): readonly V2Row[] | undefined {
  if (to < from || to - from > HISTORY_EVENTS_MAX) {
    return undefined
  }
  const events: EventRow[] = []
  let bytes = 0
  for (let position = from + 1; position <= to; position++) {
    const event = eventRowAt(sql, position, HISTORY_EVENTS_MAX)
    bytes += event === undefined ? Infinity : bytesOfRow(event)
    if (event === undefined || bytes > bytesMax) {
      return undefined
    }
    events.push(event)
  }
  const rows: V2Row[] = []
  // Directories before what may have been made in them since.
  for (const { path, removed } of events) {
    if (removed) {
      rows.push({ kind: 'gone', path, isDirectory: true })
    }
  }
  for (const path of pathsOf(events)) {
    const found = sql.first(SELECT_NODE, bytesOfText(parentOf(path)), bytesOfText(nameOf(path)))
    const row: V2Row = found
      ? nodeRowOf(found)
      : { kind: 'gone', path: bytesOfText(path), isDirectory: false }
    bytes += bytesOfRow(row)
    if (bytes > bytesMax) {
      return undefined
    }
    rows.push(row)
  }
  return [...rows, ...events]
}

/** Those of the events and the directories above them, each once. */
function pathsOf(events: readonly EventRow[]): ReadonlySet<string> {
  const paths = new Set<string>()
  for (const { path } of events) {
    for (const above of lineage(textOfBytes(path))) {
      if (!isReadOnly(above)) {
        paths.add(above)
      }
    }
  }
  return paths
}
