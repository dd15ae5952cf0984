// What clients of a cluster were told, held against what really happened.
import { type Event, EventType } from '../../../../src/mvcc/types.ts'

/** One request of one client. Times are in ms, of one clock. */
export interface Operation {
  readonly kind: 'put' | 'read'
  readonly key: string
  /** Of a put, and no other put has it. */
  readonly value?: string
  readonly began: number
  readonly ended: number
  /** The node that was asked. */
  readonly url: string
  readonly outcome: Told | Refused
}

interface Told {
  /** Of the header. */
  readonly revision: number
  /** Of a read; undefined where there is no key. */
  readonly found?: { readonly value: string; readonly modRevision: number } | undefined
}

/** It was not done, or nobody knows. */
interface Refused {
  readonly code: number
  readonly message: string
}

/** It was answered; otherwise nobody knows whether it was done. */
export function isTold(outcome: Told | Refused): outcome is Told {
  return 'revision' in outcome
}

/** A faulty history is long, and its first faults say the most. */
const FAULTS_MAX = 20

/**
 * What is untrue of it, in words; nothing is what is hoped for. `events` is all that has happened, from
 * revision 2 on. Revisions are the order of everything, so the history is
 * linearizable, as a whole and not only by key, if each answer is that of its revision and none is of an
 * older revision than an answer that came before it was asked for.
 */
export function faultsOf(operations: readonly Operation[], events: readonly Event[]): string[] {
  const log = new Log(events)
  const faults = [...log.faults, ...operations.flatMap((operation) => [...log.faultsOf(operation)])]
  return [...faults, ...faultsOfOrder(operations)].slice(0, FAULTS_MAX)
}

interface Version {
  readonly revision: number
  readonly value: string | undefined
}

class Log {
  readonly faults: string[] = []
  readonly #versions = new Map<string, Version[]>()
  readonly #revisionOf = new Map<string, number>()
  readonly #last: number

  constructor(events: readonly Event[]) {
    for (const { type, kv } of events) {
      const key = text(kv.key)
      const value = type === EventType.PUT ? text(kv.value) : undefined
      const versions = this.#versions.get(key) ?? []
      this.#versions.set(key, versions)
      versions.push({ revision: kv.modRevision, value })
      // Those of locks are empty.
      if (value !== undefined && value !== '') {
        const before = this.#revisionOf.get(value)
        if (before !== undefined) {
          this.faults.push(`${value} was applied at ${before} and again at ${kv.modRevision}`)
        }
        this.#revisionOf.set(value, before ?? kv.modRevision)
      }
    }
    this.#last = events.at(-1)?.kv.modRevision ?? 1
  }

  *faultsOf({ kind, key, value = '', url, outcome }: Operation): Iterable<string> {
    if (!isTold(outcome)) {
      return
    }
    const { revision, found } = outcome
    if (revision > this.#last) {
      yield `${url} told of revision ${revision}, and the last is ${this.#last}`
    } else if (kind === 'put' && this.#revisionOf.get(value) !== revision) {
      yield `${value} was acknowledged by ${url} at ${revision} and is at ${this.#revisionOf.get(value)}`
    } else if (kind === 'read') {
      const was = this.#at(key, revision)
      if (found?.value !== was?.value || found?.modRevision !== was?.revision) {
        yield `${url} said at ${revision} that ${key} is ${JSON.stringify(found)}, and it was ${JSON.stringify(was)}`
      }
    }
  }

  #at(key: string, revision: number): Version | undefined {
    const version = this.#versions.get(key)?.findLast((one) => one.revision <= revision)
    return version?.value === undefined ? undefined : version
  }
}

/** An answer is of a revision at least as new as all that was known when it was asked for; a put's is newer. */
function* faultsOfOrder(operations: readonly Operation[]): Iterable<string> {
  const told = operations.flatMap(({ outcome, ...operation }) =>
    isTold(outcome) ? [{ ...operation, revision: outcome.revision }] : [],
  )
  const byEnd = told.toSorted((a, b) => a.ended - b.ended)
  let place = 0
  let newest = byEnd[0]
  for (const one of told.toSorted((a, b) => a.began - b.began)) {
    for (; (byEnd[place]?.ended ?? Infinity) < one.began; place++) {
      const ended = byEnd[place]
      newest = ended !== undefined && ended.revision > (newest?.revision ?? 0) ? ended : newest
    }
    const known = place === 0 ? 0 : (newest?.revision ?? 0)
    if (one.revision < known || (one.kind === 'put' && one.revision === known)) {
      yield `${one.url} answered a ${one.kind} of ${one.key} at ${one.revision}, asked for ${Math.round(one.began - (newest?.ended ?? 0))} ms after ${newest?.url} had told of ${known}`
    }
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}
