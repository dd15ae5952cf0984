import { Blowfish, KEY_BYTES } from './blowfish.ts'

/** bcrypt reads no more of a password than this, and etcd hashes none that is longer. */
export const PASSWORD_BYTES_MAX = 72
export const SALT_BYTES = 16
/** bcrypt drops the last of its 24 bytes. */
const HASH_BYTES = 23
const ENCIPHERINGS = 64
const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const NO_SALT = new Int32Array(4)
/** "OrpheanBeholderScryDoubt", big-endian. */
const MAGIC = [0x4f727068, 0x65616e42, 0x65686f6c, 0x64657253, 0x63727944, 0x6f756274]

/** A hash taken apart. `cost` is the logarithm of the number of rounds, 4 to 31. */
export interface BcryptHash {
  readonly cost: number
  readonly salt: Uint8Array
  readonly digest: string
}

/**
 * One hashing, which its caller drives in as many slices as it likes. The libraries for this run to
 * the end, or look at the clock for when to let others in; in Workers the clock stands still while
 * code runs, so they never would.
 */
export class Bcrypt {
  readonly #blowfish = new Blowfish()
  readonly #cost: number
  readonly #salt: Uint8Array
  readonly #passwordKey: Int32Array
  readonly #saltKey: Int32Array
  #roundsLeft: number

  constructor(password: Uint8Array, { cost, salt }: Pick<BcryptHash, 'cost' | 'salt'>) {
    this.#cost = cost
    this.#salt = salt
    // The byte after the password belongs to it, since version 2a.
    const terminated = new Uint8Array(password.length + 1)
    terminated.set(password)
    this.#passwordKey = keyWords(terminated)
    this.#saltKey = keyWords(salt)
    this.#roundsLeft = 2 ** cost
    this.#blowfish.expand(this.#passwordKey, this.#saltKey)
  }

  /** Whether it is done. A round takes some 0.06 ms. */
  run(rounds: number): boolean {
    const slice = Math.min(rounds, this.#roundsLeft)
    for (let i = 0; i < slice; i++) {
      this.#blowfish.expand(this.#passwordKey, NO_SALT)
      this.#blowfish.expand(this.#saltKey, NO_SALT)
    }
    this.#roundsLeft -= slice
    return this.#roundsLeft === 0
  }

  /** Once it is done. */
  hash(): BcryptHash {
    const words = Int32Array.from(MAGIC)
    for (let at = 0; at < words.length; at += 2) {
      for (let i = 0; i < ENCIPHERINGS; i++) {
        this.#blowfish.encipher(words, at)
      }
    }
    const bytes = new Uint8Array(words.length * 4)
    const view = new DataView(bytes.buffer)
    words.forEach((word, i) => view.setInt32(i * 4, word))
    const digest = encode(bytes.subarray(0, HASH_BYTES))
    return { cost: this.#cost, salt: this.#salt, digest }
  }
}

/** As etcd writes it: `$2a$10$`, 22 letters of salt and 31 of the digest. */
export function formatHash({ cost, salt, digest }: BcryptHash): string {
  return `$2a$${String(cost).padStart(2, '0')}$${encode(salt)}${digest}`
}

/** Undefined for what is no hash. The versions 2a, 2b and 2y are one but for old defects. */
export function parseHash(text: string): BcryptHash | undefined {
  const [, cost, salt, digest] =
    /^\$2[aby]?\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/.exec(text) ?? []
  if (salt === undefined || digest === undefined) {
    return undefined
  }
  const parsed = { cost: Number(cost), salt: decode(salt), digest }
  return parsed.cost >= 4 && parsed.cost <= 31 ? parsed : undefined
}

/** The bytes over and over, as 18 big-endian words. */
function keyWords(bytes: Uint8Array): Int32Array {
  const repeated = new DataView(
    Uint8Array.from({ length: KEY_BYTES }, (_, i) => bytes[i % bytes.length] ?? 0).buffer,
  )
  return Int32Array.from({ length: KEY_BYTES / 4 }, (_, i) => repeated.getInt32(i * 4))
}

/** Base64 in bcrypt's alphabet, unpadded. */
function encode(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(i, i + 3)
    const letters = [a >> 2, ((a & 3) << 4) | (b >> 4), ((b & 15) << 2) | (c >> 6), c & 63]
    text += letters
      .slice(0, Math.min(3, bytes.length - i) + 1)
      .map((value) => ALPHABET.charAt(value))
      .join('')
  }
  return text
}

/** The 16 bytes of 22 letters, whose last four bits are none of a byte. */
function decode(text: string): Uint8Array {
  const bytes = new Uint8Array(SALT_BYTES)
  let bits = 0
  let count = 0
  let at = 0
  for (const letter of text) {
    bits = ((bits << 6) | ALPHABET.indexOf(letter)) & 0xfff
    count += 6
    if (count >= 8 && at < SALT_BYTES) {
      count -= 8
      bytes[at++] = bits >> count
    }
  }
  return bytes
}
