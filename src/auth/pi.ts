/** Bits beyond those asked for, which take up the rounding of every step. */
const GUARD_BITS = 64n

/**
 * The first 32-bit words of the fraction of π, which is what Blowfish starts from. They are 4 KiB, so
 * they are computed (some milliseconds, once) by the series of the Chudnovsky brothers, each term of
 * which gives 47 bits more.
 */
export function fractionOfPi(words: number): Int32Array {
  const bits = BigInt(words) * 32n + GUARD_BITS
  const one = 1n << bits
  let term = one
  let sum = one
  let weighted = 0n
  for (let k = 1n; term !== 0n; k++) {
    term =
      (term * -((6n * k - 5n) * (2n * k - 1n) * (6n * k - 1n))) /
      (k * k * k * (640320n ** 3n / 24n))
    sum += term
    weighted += k * term
  }
  const root = squareRoot(10005n * one * one)
  const pi = (426880n * root * one) / (13591409n * sum + 545140134n * weighted)
  const fraction = pi - 3n * one
  return Int32Array.from({ length: words }, (_, i) =>
    Number(BigInt.asIntN(32, fraction >> (bits - 32n * BigInt(i + 1)))),
  )
}

/** Rounded down; by Newton's method, from above. */
function squareRoot(square: bigint): bigint {
  let root = 1n << BigInt((square.toString(16).length * 4 + 1) >> 1)
  for (;;) {
    const next = (root + square / root) >> 1n
    if (next >= root) {
      return root
    }
    root = next
  }
}
