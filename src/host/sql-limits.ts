/**
 * What a Durable Object takes
 * (https://developers.cloudflare.com/durable-objects/platform/limits/), so that nothing works at home
 * alone. SQLite's names for them are in https://sqlite.org/limits.html.
 */
export const sqlLimits = {
  /** Bytes of a row that can be read, which workerd lets older versions have written. */
  length: 4 * 1024 * 1024,
  sqlLength: 100_000,
  column: 100,
  exprDepth: 100,
  compoundSelect: 5,
  vdbeOp: 25_000,
  attach: 0,
  likePatternLength: 50,
  variableNumber: 100,
  triggerDepth: 10,
}

/** Bytes of a text or a blob that can be written. */
const VALUE_BYTES_MAX = 2_000_000

export type SqlValue = number | string | null | ArrayBuffer | NodeJS.ArrayBufferView

/** A value as node:sqlite binds it. Throws what a Durable Object throws. */
export function bindable(value: SqlValue): number | string | null | NodeJS.ArrayBufferView {
  if (typeof value === 'number' || value === null) {
    return value
  }
  if (typeof value === 'string') {
    // No character takes more than three bytes in UTF-8 for each of its code units.
    if (value.length * 3 > VALUE_BYTES_MAX && Buffer.byteLength(value) > VALUE_BYTES_MAX) {
      throw tooBig()
    }
    return value
  }
  if (typeof value === 'bigint') {
    throw new TypeError('Cannot convert a BigInt value to a number')
  }
  if (value.byteLength > VALUE_BYTES_MAX) {
    throw tooBig()
  }
  return value instanceof ArrayBuffer ? new Uint8Array(value) : value
}

function tooBig(): Error {
  return new Error('string or blob too big: SQLITE_TOOBIG')
}

/** Transactions are the host's, and so is the file. */
const FORBIDDEN =
  /^\s*(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|ATTACH|DETACH|VACUUM|PRAGMA\s+(?!(?:table_info|table_xinfo|table_list|index_list|index_info|index_xinfo|foreign_keys|foreign_key_list|foreign_key_check|defer_foreign_keys|optimize|quick_check|data_version)\b))/i
const RESERVED = /\b_cf_/i

/** Throws for a statement that a Durable Object does not run. */
export function requireAllowed(text: string): void {
  if (FORBIDDEN.test(text) || RESERVED.test(text)) {
    throw new Error(`not authorized: SQLITE_AUTH: ${text.trim().slice(0, 100)}`)
  }
}

/** Whether a statement may change something. */
export function mayWrite(text: string): boolean {
  return /^\s*(?:SELECT|EXPLAIN|PRAGMA|VALUES)\b/i.test(text)
    ? false
    : !/^\s*WITH\b/i.test(text) || /\b(?:INSERT|UPDATE|DELETE|REPLACE)\b/i.test(text)
}
