/** CRC-32C (Castagnoli), the checksum of etcd's HashKV. Start with 0; feed the result back in. */
export function crc32c(bytes: ArrayLike<number>, checksum = 0): number {
  let crc = ~checksum
  for (let i = 0; i < bytes.length; i++) {
    crc = (TABLE[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8)
  }
  return ~crc >>> 0
}

const POLYNOMIAL = 0x82f63b78

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) {
    crc = crc & 1 ? POLYNOMIAL ^ (crc >>> 1) : crc >>> 1
  }
  return crc
})
