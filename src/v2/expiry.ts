/** 2000-01-01: a node that would expire earlier when it is made stays for ever, as in etcd. */
const EXPIRY_MS_MIN = 946_684_800_000

const NS_PER_MS = 1_000_000n

/**
 * When something expires that has so many seconds to live, in milliseconds since 1970. etcd counts in
 * nanoseconds of 64 bits, which very long times overflow: some have passed then before they begin.
 */
export function expiryAfter(ttl: bigint, now: number): number | undefined {
  const begun = BigInt(Math.trunc(now)) * NS_PER_MS
  const life = BigInt.asIntN(64, BigInt.asIntN(64, ttl) * 1_000_000_000n)
  const expires = BigInt.asIntN(64, begun + life)
  return expires === 0n ? undefined : Number(expires / NS_PER_MS)
}

/** That of a node that is made. */
export function madeToExpire(expires: number | undefined): number | undefined {
  return expires !== undefined && expires >= EXPIRY_MS_MIN ? expires : undefined
}

/** Seconds that are left, rounded up; negative for what should have gone. */
export function ttlOf(expires: number | undefined, now: number): number | undefined {
  return expires === undefined ? undefined : Math.ceil((expires - now) / 1000)
}
