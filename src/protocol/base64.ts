/** Base64 with the standard alphabet and padding, which is what protobuf's JSON prints. */

/** The runtime's own is many times as fast. workerd has it, Node 24 has not. */
interface MaybeNative extends Uint8Array {
  readonly toBase64?: () => string
}

/** A multiple of three, so that no padding stands in the middle. */
const pieceBytes = 6_144

export function toBase64(bytes: MaybeNative): string {
  if (bytes.toBase64 !== undefined) {
    return bytes.toBase64()
  }
  let text = ''
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    text += btoa(latin1(bytes.subarray(start, start + pieceBytes)))
  }
  return text
}

/** apply() takes the array as it is, where a spread would iterate over it. */
function latin1(bytes: Uint8Array): string {
  return String.fromCharCode.apply(undefined, bytes as unknown as number[])
}
