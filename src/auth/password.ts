/**
 * Passwords, apart from the engine: hashing one takes as long as some hundred requests, and is done
 * in slices between which others run.
 */
import {
  Bcrypt,
  type BcryptHash,
  formatHash,
  parseHash,
  PASSWORD_BYTES_MAX,
  SALT_BYTES,
} from './bcrypt.ts'

/** 2 ms: what others wait for at most, which is little beside a commit. */
const SLICE_ROUNDS = 32

const utf8 = new TextEncoder()

/** The logarithm of the number of rounds, as etcd's --bcrypt-cost: 4 to 31. */
export type BcryptCost = number

/** What a client may give the hash of, if the deployment's own are not dearer: a second a comparison. */
const GIVEN_COST_MAX: BcryptCost = 14

/** Waits between two slices of the work, while others run. It is given up where that is rejected. */
export type Pause = () => Promise<void>

/** The text of the hash, as a store keeps it; undefined for a password of more than 72 bytes. */
export async function hashPassword(
  password: string,
  cost: BcryptCost,
  pause: Pause = nextTurn,
): Promise<Uint8Array | undefined> {
  const bytes = utf8.encode(password)
  if (bytes.length > PASSWORD_BYTES_MAX) {
    return undefined
  }
  const bcrypt = new Bcrypt(bytes, {
    cost,
    salt: crypto.getRandomValues(new Uint8Array(SALT_BYTES)),
  })
  await finish(bcrypt, pause)
  return utf8.encode(formatHash(bcrypt.hash()))
}

/** False also where the store holds no hash, as after a change to no password. */
export async function isPassword(
  password: string,
  stored: Uint8Array,
  pause: Pause = nextTurn,
): Promise<boolean> {
  const hash = hashIn(stored)
  if (hash === undefined) {
    return false
  }
  const bcrypt = new Bcrypt(utf8.encode(password), hash)
  await finish(bcrypt, pause)
  return isSame(bcrypt.hash().digest, hash.digest)
}

/** Whether to compare with it would take longer than with any that is made here, and than a second. */
export function isTooCostly(stored: Uint8Array, cost: BcryptCost): boolean {
  const hash = hashIn(stored)
  return hash !== undefined && hash.cost > Math.max(cost, GIVEN_COST_MAX)
}

function hashIn(stored: Uint8Array): BcryptHash | undefined {
  return parseHash(new TextDecoder().decode(stored))
}

async function finish(bcrypt: Bcrypt, pause: Pause): Promise<void> {
  while (!bcrypt.run(SLICE_ROUNDS)) {
    await pause()
  }
}

/** Lets others run. */
export function nextTurn(): Promise<void> {
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
