import { fractionOfPi } from './pi.ts'

const P_WORDS = 18
const S_WORDS = 4 * 256
/** A key is repeated to the length of the P-array. */
export const KEY_BYTES = P_WORDS * 4

let initial: Int32Array | undefined

/**
 * Blowfish with the costly key schedule of bcrypt (N. Provos and D. Mazières, "A Future-Adaptable
 * Password Scheme", USENIX 1999).
 */
export class Blowfish {
  readonly #p: Int32Array
  readonly #s: Int32Array

  constructor() {
    initial ??= fractionOfPi(P_WORDS + S_WORDS)
    this.#p = initial.slice(0, P_WORDS)
    this.#s = initial.slice(P_WORDS)
  }

  /** The paper's ExpandKey: `key` has 18 words, `salt` four; a schedule without salt has zeros. */
  expand(key: Int32Array, salt: Int32Array): void {
    const p = this.#p
    for (let i = 0; i < P_WORDS; i++) {
      p[i] = word(p, i) ^ word(key, i)
    }
    const block = new Int32Array(2)
    let at = 0
    for (const table of [p, this.#s]) {
      for (let i = 0; i < table.length; i += 2) {
        block[0] = word(block, 0) ^ word(salt, at)
        block[1] = word(block, 1) ^ word(salt, at + 1)
        at ^= 2
        this.encipher(block, 0)
        table[i] = word(block, 0)
        table[i + 1] = word(block, 1)
      }
    }
  }

  /** The two words from `at` on, in place. */
  encipher(words: Int32Array, at: number): void {
    const p = this.#p
    const s = this.#s
    let left = word(words, at) ^ word(p, 0)
    let right = word(words, at + 1)
    for (let i = 1; i <= 16; i += 2) {
      right ^= word(p, i) ^ mix(s, left)
      left ^= word(p, i + 1) ^ mix(s, right)
    }
    words[at] = right ^ word(p, 17)
    words[at + 1] = left
  }
}

/** Blowfish's F. */
function mix(s: Int32Array, x: number): number {
  const sum = word(s, x >>> 24) + word(s, 0x100 | ((x >>> 16) & 0xff))
  return (sum ^ word(s, 0x200 | ((x >>> 8) & 0xff))) + word(s, 0x300 | (x & 0xff))
}

function word(words: Int32Array, i: number): number {
  return words[i] ?? 0
}
