import { bytesOf, type SqlCell } from '../mvcc/sql.ts'
import type { KeyRange } from '../mvcc/types.ts'

/**
 * A key in hexadecimal digits, in upper case as SQLite's hex() writes it: the order of the texts is
 * that of the keys, and to compare two of them is one step.
 */
export type KeyText = string

/** Half-open; an undefined `end` is open. */
export interface TextRange {
  readonly start: KeyText
  readonly end: KeyText | undefined
}

const DIGITS = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).toUpperCase().padStart(2, '0'),
)

function keyText(key: Uint8Array): KeyText {
  let text = ''
  for (const byte of key) {
    text += DIGITS[byte] ?? ''
  }
  return text
}

export function textRange({ key, rangeEnd }: KeyRange): TextRange {
  return rangeOf(keyText(key), keyText(rangeEnd))
}

/** Of columns that have the texts, or the keys themselves where their texts would be too long. */
export function textRangeOf(key: SqlCell | undefined, rangeEnd: SqlCell | undefined): TextRange {
  return rangeOf(textOfCell(key), textOfCell(rangeEnd))
}

function textOfCell(cell: SqlCell | undefined): KeyText {
  return typeof cell === 'string' ? cell : keyText(bytesOf(cell))
}

/** No end is a point, "\0" an open end. */
function rangeOf(start: KeyText, end: KeyText): TextRange {
  if (end === '') {
    return { start, end: `${start}00` }
  }
  return { start, end: end === '00' ? undefined : end }
}
