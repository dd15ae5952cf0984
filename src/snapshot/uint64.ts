/** 8 bytes, big-endian, as etcd writes numbers that are keys. */
export function uint64(value: bigint | number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}
