import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import { EngineError, type ErrorKind } from '../../src/mvcc/errors.ts'
import type { HashKv } from '../../src/mvcc/hash.ts'
import { boundsOf } from '../../src/mvcc/key-range.ts'
import type { RangeCursor, SizedPage } from '../../src/mvcc/range-page.ts'
import { Store, type StoreOptions } from '../../src/mvcc/store.ts'
import type {
  Event,
  KeyRange,
  KeyValue,
  RangeRequest,
  RangeResult,
  Sized,
} from '../../src/mvcc/types.ts'
import { modelHash } from '../model-hash.ts'
import { bytes, inRange, refuse, text } from '../model-rules.ts'
import { type Change, Model } from '../model.ts'
import { ALL, type Step } from './model-steps.ts'
import { openNodeSql } from './node-sql.ts'
import { CUTTING_ROW_BYTES, LEASES, settle } from './random-requests.ts'
import { rangeOf } from './requests.ts'
import { unpacked } from './unpacked.ts'

const TXN_OPS_MAX = 5
const HASHES_KEPT = 10
/** Of a long history not every revision is looked at, nor every key's events. */
const REVISIONS_CHECKED = 60
const SOME: KeyRange = { key: bytes('k00001'), rangeEnd: bytes('k00003') }

/** A range that is being read page by page. */
interface Reading {
  readonly request: RangeRequest
  readonly expected: RangeResult
  readonly kvs: KeyValue[]
  cursor: RangeCursor
}

function sizeOnly({ value, ...kv }: Sized): unknown {
  return { ...kv, value: value.length }
}

/** A store beside the model: every step goes to both, and what they answer must be the same. */
export class Pair {
  readonly sql = openNodeSql()
  readonly model = new Model(TXN_OPS_MAX)
  store: Store
  /** What the store remembers of its compactions. */
  #hashes: HashKv[] = []
  #readings: Reading[] = []
  #told: { revision: number; events: readonly Event[] | 'many' } | undefined

  constructor() {
    LEASES.forEach((lease) => this.model.leases.add(lease))
    this.store = this.#open()
  }

  #open(): Store {
    const options: StoreOptions = {
      txnOpsMax: TXN_OPS_MAX,
      hasLease: (lease) => this.model.leases.has(lease),
      changed: (revision, events) => {
        same(this.#told, undefined, 'a transaction is told of once')
        this.#told = { revision, events }
      },
    }
    return new Store(this.sql, options, CUTTING_ROW_BYTES)
  }

  step(step: Step): void {
    const { model, store } = this
    const before = model.changes.length
    switch (step.do) {
      case 'put': {
        const request = settle(step.request, model.revision)
        agree(
          () => store.put(request),
          () => model.put(request),
        )
        break
      }
      case 'deleteRange': {
        const request = settle(step.request, model.revision)
        agree(
          () => store.deleteRange(request),
          () => model.deleteRange(request),
        )
        break
      }
      case 'txn': {
        const request = settle(step.request, model.revision)
        agree(
          () => plainTxn(store.txn(request)),
          () => model.txn(request),
        )
        break
      }
      case 'deleteKeys':
        agree(
          () => store.deleteKeys(step.keys),
          () => model.deleteKeys(step.keys),
        )
        break
      case 'range': {
        const request = settle(step.request, model.revision)
        agree(
          () => plain(store.range(request, Infinity)),
          () => model.range(request),
        )
        break
      }
      case 'open':
        this.#openReading(settle(step.request, model.revision), step.bytesMax)
        break
      case 'page': {
        const reading = this.#readings[step.pick % this.#readings.length]
        if (reading !== undefined) {
          this.#page(reading, step.bytesMax)
        }
        break
      }
      case 'compact': {
        const { revision } = settle({ revision: step.revision }, model.revision)
        const compacted = model.compactRevision
        agree(
          () => store.compact(revision),
          () => model.compact(revision),
        )
        if (model.compactRevision > compacted) {
          const hash = modelHash(model, revision, compacted, true)
          this.#hashes.push({ hash, compactRevision: compacted, hashRevision: revision })
          this.#hashes = this.#hashes.slice(-HASHES_KEPT)
        }
        break
      }
      case 'hash':
        this.#checkHash(settle({ revision: step.revision }, model.revision).revision)
        break
      case 'slice':
        store.compactSlice(this.#pinned())
        break
      case 'reopen':
        this.#reopen()
        break
      case 'events': {
        const { revision } = settle({ revision: step.revision }, model.revision)
        this.#checkEvents(Math.max(revision, model.compactRevision, 0), step.range)
        break
      }
    }
    this.#checkTold(before)
  }

  /** What may be asked at any moment and must always be so. */
  #checkTold(before: number): void {
    const { model, store } = this
    same(store.revision, model.revision, 'the current revision')
    same(store.compactRevision, model.compactRevision, 'the compacted revision')
    const changes = model.changes.slice(before)
    const told = this.#told
    this.#told = undefined
    if (changes.length === 0) {
      same(told, undefined, 'what changed nothing is not told of')
      return
    }
    same(told?.revision, model.revision, 'the revision told of')
    this.#sameEvents(told?.events === 'many' ? [] : (told?.events ?? []), changes)
  }

  #sameEvents(events: readonly Event[], changes: readonly Change[]): void {
    same(
      events.map(({ type, kv }) => ({ type, kv })),
      changes.map(({ sub: _, ...kv }) => ({ type: kv.version === 0 ? 1 : 0, kv })),
      'the events',
    )
    for (const [i, event] of events.entries()) {
      const change = changes[i]
      same(this.store.previous(event), change && this.model.previous(change), 'a previous version')
    }
  }

  #checkEvents(from: number, range: KeyRange): void {
    if (range.key.length === 0) {
      return
    }
    const since = this.#isTwice(from, range) ? from + 1 : from
    const changes = this.model.changes.filter(
      (change) => change.modRevision >= since && inRange(range, change.key),
    )
    this.#sameEvents([...this.store.events(since, boundsOf(range))], changes)
  }

  /** Of a key that its last uncompacted transaction changed twice, only the last change is kept. */
  #isTwice(revision: number, range: KeyRange): boolean {
    const keys = this.model.changes
      .filter((change) => change.modRevision === revision && inRange(range, change.key))
      .map((change) => text(change.key))
    return revision === this.model.compactRevision && new Set(keys).size < keys.length
  }

  #checkHash(revision: number): void {
    const { model, store } = this
    const hashKv = (): HashKv => {
      const remembered = this.#hashes.findLast((hash) => hash.hashRevision === revision)
      if (remembered !== undefined) {
        return remembered
      }
      refuse('compacted', revision > 0 && revision < model.compactRevision)
      refuse('future-revision', revision > model.revision)
      const { compactRevision } = model
      const hashRevision = revision === 0 ? model.revision : revision
      const hash = modelHash(model, hashRevision, compactRevision, false)
      return { hash, compactRevision, hashRevision }
    }
    agree(() => lastOf(store.hashKv(revision)), hashKv)
  }

  #openReading(request: RangeRequest, bytesMax: number): void {
    const expected = attempt(() => this.model.range(request))
    const first = attempt(() => this.store.range(request, bytesMax))
    if (typeof first === 'string' || typeof expected === 'string') {
      same(first, expected, 'a refused range')
      return
    }
    if (first.next === undefined) {
      same(plain(first), expected, 'a range of one page')
      return
    }
    same(first.count, expected.count, 'the count of the first page')
    same(first.next.revision, this.#revisionOf(request), 'the revision of the pages')
    this.#readings.push({ request, expected, kvs: [...first.kvs], cursor: first.next })
  }

  #revisionOf(request: RangeRequest): number {
    return request.revision <= 0 ? this.model.revision : request.revision
  }

  #page(reading: Reading, bytesMax: number): void {
    this.#checkSizes(reading)
    this.#checkPacked(reading, bytesMax)
    const page = this.store.rangeNext(reading.request, reading.cursor, bytesMax)
    reading.kvs.push(...page.kvs)
    if (page.next !== undefined) {
      reading.cursor = page.next
      return
    }
    this.#readings = this.#readings.filter((other) => other !== reading)
    const { kvs, more } = { kvs: reading.kvs, more: page.more }
    same({ kvs, more }, { kvs: reading.expected.kvs, more: reading.expected.more }, 'the pages')
  }

  /** What the pages that are still to come have, as far as lengths go. */
  #checkSizes({ request, expected, kvs, cursor }: Reading): void {
    const sizes: unknown[] = []
    let page: SizedPage | undefined
    let at: RangeCursor | undefined = { ...cursor, order: undefined }
    while (at !== undefined) {
      page = this.store.sizeRange(request, at, 0, 2)
      sizes.push(...page.kvs.map(sizeOnly))
      at = page.next
    }
    same(sizes, expected.kvs.slice(kvs.length).map(sizeOnly), 'the sizes of the pages to come')
    same(page?.more, expected.more, 'whether more is left')
  }

  /** What is answered packed, and where it goes on. An order is gone on with once. */
  #checkPacked({ request, cursor }: Reading, bytesMax: number): void {
    if (cursor.order === undefined) {
      const page = this.store.rangeNext(request, cursor, bytesMax)
      const packed = this.store.rangeNextPacked(request, cursor, bytesMax, Infinity)
      same(unpacked(packed), page, 'the page as it is packed')
    }
  }

  /** With memory goes the knowledge of which pages of compacted revisions are still to come. */
  #reopen(): void {
    this.store = this.#open()
    this.#hashes = []
    const isLost = ({ cursor }: Reading): boolean => cursor.revision < this.model.compactRevision
    for (const { request, cursor } of this.#readings.filter(isLost)) {
      same(
        attempt(() => this.store.rangeNext(request, cursor, 0)),
        'compacted',
        'a lost page',
      )
    }
    this.#readings = this.#readings.filter((reading) => !isLost(reading))
  }

  #pinned(): number | undefined {
    const revisions = this.#readings.map((reading) => reading.cursor.revision)
    return revisions.length === 0 ? undefined : Math.min(...revisions)
  }

  /** Ends all pages and then looks at every revision, every event and every lease. */
  finish(): void {
    const { model } = this
    while (this.#readings[0] !== undefined) {
      this.#page(this.#readings[0], 0)
    }
    this.#checkAll()
    while (this.store.compactSlice(undefined)) {
      this.#checkAll()
    }
    this.#reopen()
    this.#checkAll()
    for (const lease of LEASES) {
      const leased = model.at(model.revision, ALL).filter((kv) => kv.lease === lease)
      same(
        this.store.leasedKeys(lease),
        leased.map((kv) => kv.key),
        'the keys of a lease',
      )
    }
    this.sql.close()
  }

  #checkAll(): void {
    const oldest = Math.max(this.model.compactRevision, 1)
    this.#checkHash(0)
    const stride = Math.ceil((this.model.revision - oldest) / REVISIONS_CHECKED)
    for (let revision = oldest; revision <= this.model.revision; revision += stride || 1) {
      const request = { ...EVERYTHING, revision }
      const kvs = this.model.at(revision, ALL)
      same(this.store.range(request, Infinity).kvs, kvs, `all keys at ${revision}`)
      const count = { ...request, countOnly: true }
      same(this.store.range(count, Infinity).count, kvs.length, `the count at ${revision}`)
    }
    this.#checkHash(oldest)
    this.#checkEvents(oldest, stride > 1 ? SOME : ALL)
  }
}

const EVERYTHING: RangeRequest = rangeOf('\0', '\0')

function attempt<T>(body: () => T): T | ErrorKind {
  try {
    return body()
  } catch (error) {
    if (error instanceof EngineError) {
      return error.kind
    }
    throw error
  }
}

function agree<T>(store: () => T, model: () => T): void {
  same(attempt(store), attempt(model), 'the answer')
}

/** The fast comparison decides, the slow one tells. */
function same<T>(actual: T, expected: T, what: string): void {
  if (!isDeepStrictEqual(actual, expected)) {
    expect(actual, what).toStrictEqual(expected)
    throw new Error(`${what}: differs in a way that is not shown`)
  }
}

function lastOf<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) {
      return step.value
    }
  }
}

const plain = ({ kvs, more, count }: RangeResult): RangeResult => ({ kvs, more, count })

function plainTxn(result: ReturnType<Store['txn']>): ReturnType<Store['txn']> {
  const responses = result.responses.map((response) => {
    switch (response.kind) {
      case 'range':
        return { ...response, range: plain(response.range) }
      case 'txn':
        return { ...response, txn: plainTxn(response.txn) }
      default:
        return response
    }
  })
  return { ...result, responses }
}
