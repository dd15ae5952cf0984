/** Fields of the few messages of etcd that only its files have. Numbers are uint64. */

export function numberField(field: number, value: bigint): readonly number[] {
  return [field << 3, ...varint(value)]
}

export function bytesField(field: number, value: Uint8Array): Uint8Array {
  return joined([Uint8Array.from([(field << 3) | 2, ...varint(BigInt(value.length))]), value])
}

export function message(...numbers: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(numbers.flat())
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function varint(value: bigint): readonly number[] {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return bytes
}
