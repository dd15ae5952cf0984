// oxlint-disable typescript/no-non-null-assertion -- no place is outside of its array, and to look takes as long as the sum
/** CRC-32C (Castagnoli), the checksum of etcd's HashKV. Start with 0; feed the result back in. */
export function crc32c(bytes: Uint8Array, checksum = 0, from = 0, to = bytes.length): number {
  let crc = ~checksum
  let start = from
  // In slices, because a function that runs once for a long time is compiled late.
  while (start < to) {
    const end = Math.min(to, start + SLICE_BYTES)
    crc = update(crc, bytes, start, end)
    start = end
  }
  return ~crc >>> 0
}

const SLICE_BYTES = 16 * 1024

/** Eight bytes at a time: what each of them adds is in a table of its own, and waits for no other. */
function update(checksum: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = checksum
  let i = start
  for (; i + 8 <= end; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    crc =
      TABLES[0x700 | (crc & 0xff)]! ^
      TABLES[0x600 | ((crc >>> 8) & 0xff)]! ^
      TABLES[0x500 | ((crc >>> 16) & 0xff)]! ^
      TABLES[0x400 | (crc >>> 24)]! ^
      TABLES[0x300 | bytes[i + 4]!]! ^
      TABLES[0x200 | bytes[i + 5]!]! ^
      TABLES[0x100 | bytes[i + 6]!]! ^
      TABLES[bytes[i + 7]!]!
  }
  for (; i < end; i++) {
    crc = TABLES[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  }
  return crc
}

const POLYNOMIAL = 0x82f63b78

/** At 256 * n + byte: the checksum of the byte with n zero bytes behind it. */
const TABLES = new Int32Array(8 * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 64; bit++) {
    crc = crc & 1 ? POLYNOMIAL ^ (crc >>> 1) : crc >>> 1
    if (bit % 8 === 7) {
      TABLES[(bit >> 3) * 256 + byte] = crc
    }
  }
}
