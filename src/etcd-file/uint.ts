/** The numbers of a bbolt file, little-endian. */
export function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
}

export function uint32(bytes: Uint8Array, at: number): number {
  return (uint16(bytes, at) | (uint16(bytes, at + 2) << 16)) >>> 0
}

/** One beyond 2^53 is not exact: it is no number of a page that there is. */
export function uint64(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at) + 2 ** 32 * uint32(bytes, at + 4)
}
