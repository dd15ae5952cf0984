import type { Lease } from '../../protocol/generated/messages.ts'
import type { SourceClient } from './source-client.ts'

/** Calls that are under way at a time. */
const AT_ONCE = 64
/** While nobody can write, no more time than this is taken for leases that are known. */
const ASKED_MS_MAX = 500

/**
 * The leases of an etcd. It tells of each by itself: five thousand took 3.5 s. So they are asked for while
 * writes go on, and again when the source is at rest, first those of which the least is left. Of those whose
 * turn does not come nobody knows whether they were kept alive since: they are given all of their TTL, as
 * etcd itself does when a member becomes leader.
 */
export class SourceLeases {
  readonly #client: SourceClient
  #known: ReadonlyMap<bigint, Lease> = new Map()

  constructor(client: SourceClient) {
    this.#client = client
  }

  /** Asks for all of them, ahead of `atRest`. Throws SourceFailure. */
  async look(): Promise<void> {
    const { found } = await this.#ask(await this.#ids(), Infinity)
    this.#known = new Map(found.map((lease) => [lease.ID, lease]))
  }

  /** With the TTL granted and what remains, in whole seconds and never less than that. Throws SourceFailure. */
  async atRest(msMax = ASKED_MS_MAX): Promise<readonly Lease[]> {
    const until = performance.now() + msMax
    const ids = await this.#ids()
    const isNew = (id: bigint): boolean => !this.#known.has(id)
    const known = ids.flatMap((id) => this.#known.get(id) ?? []).toSorted(byPartLeft)
    const granted = await this.#ask(ids.filter(isNew), Infinity)
    const again = await this.#ask(
      known.map(({ ID }) => ID),
      until,
    )
    const left = known.slice(again.count).map((lease) => ({ ...lease, RemainingTTL: lease.TTL }))
    return [...granted.found, ...again.found, ...left]
  }

  async #ids(): Promise<readonly bigint[]> {
    const { leases } = await this.#client.call('/etcdserverpb.Lease/LeaseLeases')
    return leases.map(({ ID }) => ID)
  }

  /** The first of them, as many as could be asked for until then. */
  async #ask(
    ids: readonly bigint[],
    until: number,
  ): Promise<{ readonly found: readonly Lease[]; readonly count: number }> {
    const found: Lease[] = []
    let count = 0
    const some = async (): Promise<void> => {
      for (let id = ids[count]; id !== undefined && performance.now() < until; id = ids[count]) {
        count++
        const { TTL, grantedTTL } = await this.#client.call('/etcdserverpb.Lease/LeaseTimeToLive', {
          ID: id,
        })
        // One that is gone has a granted TTL of 0.
        if (grantedTTL > 0) {
          const RemainingTTL = Math.min(grantedTTL, Math.max(TTL, 0) + 1)
          found.push({ ID: id, TTL: grantedTTL, RemainingTTL })
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, some))
    return { found, count }
  }
}

/** Those first of which the smallest part of their TTL is left. */
function byPartLeft(a: Lease, b: Lease): number {
  return a.RemainingTTL / a.TTL - b.RemainingTTL / b.TTL
}
