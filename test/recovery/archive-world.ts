import { ChangesWriter } from '../../src/archive/changes.ts'
import { encodeEnd, encodePart, type FullEnd } from '../../src/archive/full.ts'
import {
  encodeManifest,
  type Manifest,
  nextManifest,
  type SentSegment,
} from '../../src/archive/manifest.ts'
import {
  type ArchiveName,
  endKey,
  manifestKey,
  partKey,
  segmentKey,
} from '../../src/archive/names.ts'
import type { Mark, Origin } from '../../src/archive/origin.ts'
import { encodeSegment } from '../../src/archive/segment.ts'
import type { ArchivedState, LeaseChange } from '../../src/archive/state.ts'
import type { BucketEntry } from '../../src/etcd-file/etcd-file.ts'
import { changesBetween } from '../../src/mvcc/history.ts'
import type { Revision } from '../../src/mvcc/types.ts'
import { LOST, rowsOfAll, V2Journal } from '../../src/shard/replication/v2-journal.ts'
import { bucketsOf } from '../../src/snapshot/buckets.ts'
import { FIRST_INDEX } from '../../src/v2/event-history.ts'
import { V2Store } from '../../src/v2/store.ts'
import { Keyspace } from '../auth/keyspace.ts'
import { finish } from '../snapshot/content.ts'
import { stateOf } from '../snapshot/state.ts'
import type { MemoryStore } from './memory-store.ts'

export const ARCHIVE: ArchiveName = { keyspace: 'blue', generation: 1_790_000_000_000 }

/**
 * A keyspace and its archive, which is written when it is told to be: as replication does it, but that
 * all is done at once and nothing goes wrong.
 */
export class ArchiveWorld {
  readonly keyspace = new Keyspace()
  readonly tree = new V2Store(this.keyspace.sql)
  readonly #rows = new V2Journal(this.keyspace.sql, this.tree)
  /** Of the v2 store, up to there it is in a segment or a full. */
  #index = this.tree.index
  readonly store: MemoryStore
  /** Of a part of a full: so that there are several. */
  readonly partBytes: number
  now = 1_790_000_100_000
  epoch = 0
  manifest: Manifest | undefined
  #seq = 0
  /** All up to there is in a segment or a full. */
  sent: Revision = 0
  #previous: number | null = null
  #journal: LeaseChange[] = []
  #leases = new Map<string, number>()
  #marks: Mark[] = []
  #unlisted: SentSegment[] = []
  #authRevision = 0

  constructor(store: MemoryStore, partBytes = 2_000) {
    this.store = store
    this.partBytes = partBytes
  }

  /** What a step has done to leases is known by what there was before. */
  step(act: () => void): void {
    act()
    this.now += 700
    const { revision } = this.keyspace.store
    const leases = new Map(this.keyspace.lessor.granted().map(({ ID, TTL }) => [String(ID), TTL]))
    for (const [id, ttl] of leases) {
      if (this.#leases.get(id) !== ttl) {
        this.#journal.push([revision, id, ttl])
      }
    }
    for (const id of this.#leases.keys()) {
      if (!leases.has(id)) {
        this.#journal.push([revision, id, null])
      }
    }
    this.#leases = leases
    this.#marks.push([this.now, revision])
  }

  get #origin(): Origin {
    return { ...ARCHIVE, cluster: '77', epoch: this.epoch }
  }

  get #compaction(): FullEnd['compaction'] {
    const { store } = this.keyspace
    return { revision: store.compactRevision, finished: !store.compactionPending }
  }

  async beginEpoch(): Promise<void> {
    this.epoch++
    this.#seq = 0
    this.#previous = null
    this.sent = this.keyspace.store.revision
    this.#takeRows()
    this.#journal = []
    this.#marks = []
    this.#unlisted = []
    await this.full()
  }

  async segment(): Promise<void> {
    const { revision } = this.keyspace.store
    const changes = new ChangesWriter()
    for (const change of changesBetween(this.keyspace.sql, this.sent + 1, revision)) {
      changes.add(change)
    }
    this.#seq++
    const name = { epoch: this.epoch, seq: this.#seq, from: this.sent + 1 }
    const { bytes, checksum } = encodeSegment(
      {
        ...this.#origin,
        ...name,
        to: revision,
        previous: this.#previous,
        time: this.now,
        marks: this.#marks,
        compaction: this.#compaction,
      },
      changes,
      {
        leases: { complete: false, journal: this.#journal },
        ...this.#authState(),
        ...this.#takeRows(),
      },
    )
    await this.store.put(segmentKey(ARCHIVE, name), bytes, 'absent')
    this.#unlisted.push({ ...name, to: revision, bytes: bytes.length, checksum, time: this.now })
    this.#previous = checksum
    this.sent = revision
    this.#journal = []
    this.#marks = []
  }

  /** Of the state right behind the last segment, which has to be the present one. */
  async full(): Promise<void> {
    const { store, sql, lessor } = this.keyspace
    const revision = this.sent
    const name = { epoch: this.epoch, seq: this.#seq, revision }
    const parts: FullEnd['parts'] = []
    let writer = new ChangesWriter()
    const endPart = async (state: ArchivedState): Promise<void> => {
      const fields = { ...this.#origin, ...name, part: parts.length }
      const { bytes, checksum } = encodePart(fields, writer, state)
      await this.store.put(partKey(ARCHIVE, name, parts.length), bytes, 'absent')
      parts.push({ bytes: bytes.length, checksum, changes: writer.count })
      writer = new ChangesWriter()
    }
    for (const change of changesBetween(sql, 0, revision)) {
      writer.add(change)
      if (writer.bytes >= this.partBytes) {
        await endPart({})
      }
    }
    if (this.tree.index > FIRST_INDEX) {
      const rows = rowsOfAll(sql, this.tree, Infinity)
      await endPart(rows === LOST ? {} : { v2: rows })
    }
    const journal = lessor.granted().map(({ ID, TTL }): LeaseChange => [revision, String(ID), TTL])
    this.#authRevision = 0
    await endPart({
      leases: { complete: true, journal },
      ...this.#authState(),
      maintenance: [],
      tokens: [],
      options: { quotaBackendBytes: null, autoCompactionMode: null, autoCompactionRetention: null },
    })
    const hash = finish(store.hashKv(revision))
    const end: FullEnd = {
      ...this.#origin,
      ...name,
      compaction: this.#compaction,
      time: this.now,
      parts,
      hash: { hash: hash.hash, revision, compactRevision: hash.compactRevision },
      previous: this.#previous,
    }
    await this.store.put(endKey(ARCHIVE, name), encodeEnd(end), 'absent')
    await this.writeManifest({
      ...name,
      compactRevision: store.compactRevision,
      time: this.now,
      parts: parts.length,
      bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
    })
  }

  async writeManifest(full?: Manifest['fulls'][number]): Promise<void> {
    const chain = this.manifest?.chains.find(({ epoch }) => epoch === this.epoch)
    const time = this.#unlisted.at(-1)?.time ?? chain?.last.time ?? this.now
    this.manifest = nextManifest(this.manifest, {
      origin: this.#origin,
      number: (this.manifest?.number ?? 0) + 1,
      time: this.now,
      end: { seq: this.#seq, to: this.sent, time, checksum: this.#previous },
      segments: this.#unlisted,
      full,
    })
    this.#unlisted = []
    const key = manifestKey(ARCHIVE, this.manifest.number)
    await this.store.put(key, encodeManifest(this.manifest), 'absent')
  }

  #takeRows(): Pick<ArchivedState, 'v2'> {
    const rows = this.#rows.take(this.#index)
    this.#index = this.tree.index
    return rows === undefined || rows === LOST ? {} : { v2: rows }
  }

  #authState(): Pick<ArchivedState, 'auth'> {
    const { revision } = this.keyspace.auth
    if (revision === this.#authRevision) {
      return {}
    }
    this.#authRevision = revision
    return { auth: authEntries(this.keyspace) }
  }
}

function authEntries(keyspace: Keyspace): readonly BucketEntry[] {
  return bucketsOf(stateOf(keyspace))
    .filter(({ name }) => name.startsWith('auth'))
    .flatMap((bucket) =>
      [...bucket.entries()].map(({ key, value }) => ({
        bucket: bucket.name,
        key: bytesOf(key),
        value: bytesOf(value),
      })),
    )
}

function bytesOf(part: {
  length: number
  writeTo(bytes: Uint8Array, offset: number): void
}): Uint8Array {
  const bytes = new Uint8Array(part.length)
  part.writeTo(bytes, 0)
  return bytes
}
