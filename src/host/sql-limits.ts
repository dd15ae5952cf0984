/**
 * What a Durable Object takes
 * (https://developers.cloudflare.com/durable-objects/platform/limits/), so that nothing works at home
 * alone. SQLite's names for them are in https://sqlite.org/limits.html.
 */
export const sqlLimits = {
  /** Bytes of a value that can be read: workerd has let earlier versions write so much. */
  length: 16 * 1024 * 1024,
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
