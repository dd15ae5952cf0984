// oxlint-disable typescript/no-non-null-assertion -- no place is outside of its array, and to look takes as long as the sum
/** CRC-32C (Castagnoli), the checksum of etcd's HashKV. Start with 0; feed the result back in. */
export function crc32c(bytes: Uint8Array, checksum = 0, from = 0, to = bytes.length): number {
  const length = to - from
  if (length < WORDS_BYTES_MIN || !IS_LITTLE_ENDIAN) {
    return ~updateBytes(~checksum, bytes, from, to) >>> 0
  }
  const begin = from + (-(bytes.byteOffset + from) & 3)
  const end = to - ((to - begin) & 15)
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + begin, (end - begin) >> 2)
  let crc = updateBytes(~checksum, bytes, from, begin)
  // In slices, because a function that runs once for a long time is compiled late.
  for (let start = 0; start < words.length; start += SLICE_WORDS) {
    crc = updateWords(crc, words, start, Math.min(words.length, start + SLICE_WORDS))
  }
  return ~updateBytes(crc, bytes, end, to) >>> 0
}

/** Below that a view of words takes longer than it spares. */
const WORDS_BYTES_MIN = 64
const SLICE_WORDS = 4096
const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/** Sixteen bytes at a time: what each of them adds is in a table of its own, and waits for no other. */
function updateWords(checksum: number, words: Int32Array, start: number, end: number): number {
  let crc = checksum
  for (let i = start; i < end; i += 4) {
    const first = crc ^ words[i]!
    const second = words[i + 1]!
    const third = words[i + 2]!
    const last = words[i + 3]!
    crc =
      TABLES[0xf00 | (first & 0xff)]! ^
      TABLES[0xe00 | ((first >>> 8) & 0xff)]! ^
      TABLES[0xd00 | ((first >>> 16) & 0xff)]! ^
      TABLES[0xc00 | (first >>> 24)]! ^
      TABLES[0xb00 | (second & 0xff)]! ^
      TABLES[0xa00 | ((second >>> 8) & 0xff)]! ^
      TABLES[0x900 | ((second >>> 16) & 0xff)]! ^
      TABLES[0x800 | (second >>> 24)]! ^
      TABLES[0x700 | (third & 0xff)]! ^
      TABLES[0x600 | ((third >>> 8) & 0xff)]! ^
      TABLES[0x500 | ((third >>> 16) & 0xff)]! ^
      TABLES[0x400 | (third >>> 24)]! ^
      TABLES[0x300 | (last & 0xff)]! ^
      TABLES[0x200 | ((last >>> 8) & 0xff)]! ^
      TABLES[0x100 | ((last >>> 16) & 0xff)]! ^
      TABLES[last >>> 24]!
  }
  return crc
}

function updateBytes(checksum: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = checksum
  for (let i = start; i < end; i++) {
    crc = TABLES[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  }
  return crc
}

const POLYNOMIAL = 0x82f63b78

/** At 256 * n + byte: the checksum of the byte with n zero bytes behind it. */
const TABLES = new Int32Array(16 * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 128; bit++) {
    crc = crc & 1 ? POLYNOMIAL ^ (crc >>> 1) : crc >>> 1
    if (bit % 8 === 7) {
      TABLES[(bit >> 3) * 256 + byte] = crc
    }
  }
}
