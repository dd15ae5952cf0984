import { type BcryptCost, hashPassword, isPassword } from '../../auth/password.ts'
import { statusOf } from '../../protocol/status.ts'

/** At bcrypt's usual cost the last of them has its turn within the 7 s that etcd gives a request. */
const WAITING_MAX = 100

/**
 * Passwords are hashed and compared here, one at a time and in slices of 2 ms between which all
 * other requests run. In the Worker it would cost the shard nothing, but a login over gRPC reaches
 * the shard without the Worker: there would be two places for it, and two more trips, since the hash
 * to compare with is here and must not change meanwhile.
 */
export class PasswordQueue {
  readonly #cost: BcryptCost
  #waiting = 0
  #last: Promise<void> = Promise.resolve()

  constructor(cost: BcryptCost) {
    this.#cost = cost
  }

  /** Rejects with `password-too-long`, or where too many wait. */
  async hash(password: string, gone: AbortSignal): Promise<Uint8Array> {
    const hash = await this.#inTurn(() => hashPassword(password, this.#cost), gone)
    if (hash === undefined) {
      throw statusOf('password-too-long')
    }
    return hash
  }

  /** Whether it is the password of a stored hash. Rejects where too many wait. */
  matches(password: string, stored: Uint8Array, gone: AbortSignal): Promise<boolean> {
    return this.#inTurn(() => isPassword(password, stored), gone)
  }

  /** Nothing is done for a caller that has gone meanwhile. */
  async #inTurn<T>(work: () => Promise<T>, gone: AbortSignal): Promise<T> {
    if (this.#waiting === WAITING_MAX) {
      throw statusOf('too-many-requests')
    }
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    this.#waiting++
    try {
      await before
      if (gone.aborted) {
        throw statusOf('canceled')
      }
      return await work()
    } finally {
      this.#waiting--
      resolve()
    }
  }
}
