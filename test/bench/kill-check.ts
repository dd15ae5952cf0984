import type { KeyValue } from '../../src/protocol/generated/messages.ts'
import { grpcRange } from './grpc-call.ts'
import type { Address } from './h2-connection.ts'
import { prefixEnd } from './keys.ts'
import { type Counter, valueOfKey } from './kill-load.ts'

const PAGE = 10_000

/** What is wrong after kills, in words, one for each write. */
export interface Faults {
  readonly missing: string[]
  readonly misapplied: string[]
}

/** What a server keeps of what was acknowledged, from one kill to the next. */
export class KillCheck {
  readonly faults: Faults = { missing: [], misapplied: [] }
  acknowledged = 0
  /** All that was found after a kill, acknowledged or not: it may not go any more either. */
  readonly #kept = new Map<string, number>()
  #revision: number

  /** `revision` is that of the server before the first write. */
  constructor(revision: number) {
    this.#revision = revision
  }

  /** Looks, after a restart, for what one load has written below `prefix` and for its counters. */
  async round(
    address: Address,
    prefix: string,
    acknowledged: ReadonlyMap<string, number>,
    counters: readonly Counter[],
  ): Promise<void> {
    const found = await listAll(address, prefix)
    for (const [key, revision] of acknowledged) {
      if (found.get(key)?.modRevision !== revision) {
        this.faults.missing.push(`${key} at ${revision}: ${found.get(key)?.modRevision}`)
      }
    }
    for (const [key, { modRevision, version, value }] of found) {
      this.#kept.set(key, modRevision)
      if (version !== 1 || Buffer.from(value).toString() !== valueOfKey(key)) {
        this.faults.misapplied.push(`${key} at ${modRevision} is of version ${version}`)
      }
    }
    let applied = found.size
    for (const counter of counters) {
      applied += await this.#checkCounter(address, counter)
    }
    const revision = await currentRevision(address)
    // Each write is one revision, and there is no revision without a write.
    if (revision !== this.#revision + applied) {
      const text = `${applied} writes are there from ${this.#revision} to ${revision}`
      this.faults.misapplied.push(text)
    }
    this.#revision = revision
    this.acknowledged += acknowledged.size
  }

  /** Takes over what is there, and answers how many writes that are more than before the load. */
  async #checkCounter(address: Address, counter: Counter): Promise<number> {
    const { key, before, version: acknowledged, revision } = counter
    const { kvs } = await grpcRange(address, { key: Buffer.from(key) })
    const { version = 0, modRevision = 0 } = kvs[0] ?? {}
    if (version < acknowledged || (version === acknowledged && modRevision !== revision)) {
      const text = `${key} at ${revision}, version ${acknowledged}: ${modRevision}, ${version}`
      this.faults.missing.push(text)
    }
    // The last one may have been on its way.
    if (version > acknowledged + 1) {
      this.faults.misapplied.push(`${key} is of version ${version} after ${acknowledged} writes`)
    }
    this.acknowledged += acknowledged - before
    Object.assign(counter, { before: version, version, revision: modRevision })
    return version - before
  }

  /** Looks once more for all that was ever found below `prefix`. */
  async all(address: Address, prefix: string): Promise<void> {
    const found = await listAll(address, prefix)
    for (const [key, revision] of this.#kept) {
      if (found.get(key)?.modRevision !== revision) {
        this.faults.missing.push(`${key} at ${revision} went after it had been found`)
      }
    }
    if (found.size > this.#kept.size) {
      this.faults.misapplied.push(`${found.size - this.#kept.size} keys came later`)
    }
  }
}

export async function currentRevision(address: Address): Promise<number> {
  const { header } = await grpcRange(address, { key: Buffer.from('any') })
  return header?.revision ?? Number.NaN
}

async function listAll(address: Address, prefix: string): Promise<Map<string, KeyValue>> {
  const found = new Map<string, KeyValue>()
  const rangeEnd = Buffer.from(prefixEnd(prefix))
  for (let from = prefix; ;) {
    const { kvs, more } = await grpcRange(address, {
      key: Buffer.from(from),
      rangeEnd,
      limit: PAGE,
    })
    for (const kv of kvs) {
      from = Buffer.from(kv.key).toString()
      found.set(from, kv)
    }
    if (!more) {
      return found
    }
    from += '\0'
  }
}
