import type { KeyRange } from './types.ts'

/** A half-open range of keys in byte order. An undefined `end` is open: every key from `start`. */
export interface Bounds {
  readonly start: Uint8Array
  readonly end: Uint8Array | undefined
}

/** memcmp, which is how both etcd and SQLite order keys. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) {
      return difference
    }
  }
  return a.length - b.length
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0
}

/** The smallest key after `key`: a point is the range [key, key + "\0"). */
export function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}

export function isPoint(range: KeyRange): boolean {
  return range.rangeEnd.length === 0
}

/** etcd's encoding of "every key ≥ key": one zero byte (server/etcdserver/txn/delete.go). */
export function isFromKey(range: KeyRange): boolean {
  return range.rangeEnd.length === 1 && range.rangeEnd[0] === 0
}

export function boundsOf(range: KeyRange): Bounds {
  if (isPoint(range)) {
    return { start: range.key, end: successor(range.key) }
  }
  return { start: range.key, end: isFromKey(range) ? undefined : range.rangeEnd }
}

export function isEmpty(bounds: Bounds): boolean {
  return bounds.end !== undefined && compareBytes(bounds.start, bounds.end) >= 0
}

/** What is left of the bounds behind a key, in the order of the walk. */
export function boundsBehind(bounds: Bounds, key: Uint8Array, descending: boolean): Bounds {
  return descending ? { start: bounds.start, end: key } : { start: successor(key), end: bounds.end }
}

export function contains(bounds: Bounds, key: Uint8Array): boolean {
  return (
    compareBytes(bounds.start, key) <= 0 &&
    (bounds.end === undefined || compareBytes(key, bounds.end) < 0)
  )
}
