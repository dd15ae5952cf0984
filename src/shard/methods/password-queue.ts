import {
  type BcryptCost,
  hashPassword,
  isPassword,
  nextTurn,
  type Pause,
} from '../../auth/password.ts'
import { statusOf } from '../../protocol/status.ts'

/**
 * Of one user. At bcrypt's usual cost the last of them has its turn within the 7 s that etcd gives a
 * request.
 */
const WAITING_MAX = 100

/** No user has this name. */
const NEW_PASSWORDS = ''

/** What waits for those before it of the same user. */
interface Lane {
  waiting: number
  last: Promise<void>
}

/**
 * Passwords are hashed and compared here, in slices of 2 ms between which all other requests run. Each
 * user has a lane, as do new passwords: one at a time is worked on in each, and lanes take turns slice
 * by slice, so that who keeps one busy holds up nobody else. In the Worker it would cost the shard
 * nothing, but a login over gRPC reaches the shard without the Worker: there would be two places for it,
 * and two more trips, since the hash to compare with is here and must not change meanwhile.
 */
export class PasswordQueue {
  readonly #cost: BcryptCost
  readonly #lanes = new Map<string, Lane>()
  /** Those that want the next slice. */
  readonly #pausing: (() => void)[] = []

  constructor(cost: BcryptCost) {
    this.#cost = cost
  }

  /** Rejects with `password-too-long`, or where too many wait. */
  async hash(password: string, gone: AbortSignal): Promise<Uint8Array> {
    const hash = await this.#inTurn(NEW_PASSWORDS, gone, (pause) =>
      hashPassword(password, this.#cost, pause),
    )
    if (hash === undefined) {
      throw statusOf('password-too-long')
    }
    return hash
  }

  /** Whether it is the password of the user's stored hash. Rejects where too many wait. */
  matches(
    { name, password }: { readonly name: string; readonly password: string },
    stored: Uint8Array,
    gone: AbortSignal,
  ): Promise<boolean> {
    return this.#inTurn(name, gone, (pause) => isPassword(password, stored, pause))
  }

  /** Nothing is done for a caller that has gone, and nothing more for one that goes meanwhile. */
  async #inTurn<T>(
    name: string,
    gone: AbortSignal,
    work: (pause: Pause) => Promise<T>,
  ): Promise<T> {
    const lane = this.#lanes.get(name) ?? { waiting: 0, last: Promise.resolve() }
    if (lane.waiting === WAITING_MAX) {
      throw statusOf('too-many-requests')
    }
    const before = lane.last
    const { promise, resolve } = Promise.withResolvers<void>()
    lane.last = promise
    lane.waiting++
    this.#lanes.set(name, lane)
    try {
      await before
      requireThere(gone)
      return await work(async () => {
        await this.#slice()
        requireThere(gone)
      })
    } finally {
      lane.waiting--
      if (lane.waiting === 0) {
        this.#lanes.delete(name)
      }
      resolve()
    }
  }

  /** Resolves in a turn that no other slice has, first come, first served. */
  #slice(): Promise<void> {
    return new Promise((resolve) => {
      this.#pausing.push(resolve)
      if (this.#pausing.length === 1) {
        void this.#takeTurns()
      }
    })
  }

  async #takeTurns(): Promise<void> {
    while (this.#pausing.length > 0) {
      await nextTurn()
      this.#pausing.shift()?.()
    }
  }
}

function requireThere(gone: AbortSignal): void {
  if (gone.aborted) {
    throw statusOf('canceled')
  }
}
