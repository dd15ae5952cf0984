/**
 * Whose an address is, for whatever is counted by address: an IPv4 address stands for itself, however
 * it is written, an IPv6 address for its /64, which is what a household has. Each has one spelling.
 */
export function clientNetwork(address: string): string {
  const groups = groupsOf(address)
  if (groups === undefined) {
    return address
  }
  const [high = 0, low = 0] = groups.slice(6)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  return isMapped
    ? [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
    : groups
        .slice(0, 4)
        .map((group) => group.toString(16))
        .join(':')
}

/** The eight numbers of an IPv6 address (RFC 4291 §2.2); undefined for what is none. */
function groupsOf(address: string): readonly number[] | undefined {
  const [before = '', after, ...more] = address.split('::')
  const left = numbersOf(before)
  const right = numbersOf(after ?? '')
  const missing = 8 - left.length - right.length
  const isWhole = after === undefined ? missing === 0 : missing > 0
  const groups = [...left, ...Array.from({ length: Math.max(missing, 0) }, () => 0), ...right]
  return isWhole && more.length === 0 && groups.every((group) => group <= 0xffff)
    ? groups
    : undefined
}

/** NaN for a group that is none. */
function numbersOf(text: string): readonly number[] {
  if (text === '') {
    return []
  }
  return text.split(':').flatMap((group) => {
    const [, a, b, c, d] = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(group) ?? []
    if (a !== undefined) {
      return [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)]
    }
    return [/^[\da-f]{1,4}$/i.test(group) ? Number.parseInt(group, 16) : Number.NaN]
  })
}
