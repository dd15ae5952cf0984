/** etcd counts two hours for pings of a client that has no call (grpc-go's defaultPingTimeout). */
const IDLE_MIN_TIME_MS = 2 * 60 * 60 * 1000
const STRIKES_MAX = 2

/**
 * Which pings of a client are too many: grpc-go's enforcement policy as etcd sets it, without permission
 * to ping when there is no call. A ping after anything was sent is always fine, so clients that ping
 * every two seconds while they watch a busy store are, too.
 */
export class PingPolicy {
  readonly #minTimeMs: number
  #strikes = 0
  #last = -Infinity
  #isForgiven = false

  constructor(minTimeMs: number) {
    this.#minTimeMs = minTimeMs
  }

  /** Headers, messages or trailers go out. */
  wrote(): void {
    this.#isForgiven = true
  }

  /** A ping has come: true when it was one too many. `now` is in milliseconds of any clock. */
  isTooMany(now: number, hasCalls: boolean): boolean {
    const sinceLast = now - this.#last
    this.#last = now
    if (this.#isForgiven) {
      this.#isForgiven = false
      this.#strikes = 0
      return false
    }
    this.#strikes += sinceLast < (hasCalls ? this.#minTimeMs : IDLE_MIN_TIME_MS) ? 1 : 0
    return this.#strikes > STRIKES_MAX
  }
}
