/**
 * Passwords, apart from the engine: hashing one takes as long as some hundred requests, and is done
 * in slices between which others run.
 */
import { Bcrypt, formatHash, parseHash, PASSWORD_BYTES_MAX, SALT_BYTES } from './bcrypt.ts'

/** 2 ms: what others wait for at most, which is little beside a commit. */
const SLICE_ROUNDS = 32

const utf8 = new TextEncoder()

/** The logarithm of the number of rounds, as etcd's --bcrypt-cost: 4 to 31. */
export type BcryptCost = number

/** The text of the hash, as a store keeps it; undefined for a password of more than 72 bytes. */
export async function hashPassword(
  password: string,
  cost: BcryptCost,
): Promise<Uint8Array | undefined> {
  const bytes = utf8.encode(password)
  if (bytes.length > PASSWORD_BYTES_MAX) {
    return undefined
  }
  const bcrypt = new Bcrypt(bytes, {
    cost,
    salt: crypto.getRandomValues(new Uint8Array(SALT_BYTES)),
  })
  await finish(bcrypt)
  return utf8.encode(formatHash(bcrypt.hash()))
}

/** False also where the store holds no hash, as after a change to no password. */
export async function isPassword(password: string, stored: Uint8Array): Promise<boolean> {
  const hash = parseHash(new TextDecoder().decode(stored))
  if (hash === undefined) {
    return false
  }
  const bcrypt = new Bcrypt(utf8.encode(password), hash)
  await finish(bcrypt)
  return isSame(bcrypt.hash().digest, hash.digest)
}

async function finish(bcrypt: Bcrypt): Promise<void> {
  while (!bcrypt.run(SLICE_ROUNDS)) {
    await nextTurn()
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0)
  })
}

/** Takes as long for a guess that is nearly right. */
function isSame(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) {
    difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  }
  return difference === 0
}
