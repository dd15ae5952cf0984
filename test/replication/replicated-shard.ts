import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseSettings } from '../../src/config/settings.ts'
import { crc32c } from '../../src/mvcc/crc32c.ts'
import type { Change } from '../../src/mvcc/history.ts'
import type { ObjectStore } from '../../src/object-store/object-store.ts'
import { Keyspace } from '../../src/shard/keyspace.ts'
import { Replication } from '../../src/shard/replication/replication.ts'
import { NodeSql } from '../mvcc/node-sql.ts'
import { shownTree } from '../v2/tree-world.ts'
import type { FaultyStore } from './faulty-store.ts'
import type { VirtualClock } from './virtual-clock.ts'

export const LAG_MS = 10_000
export const ARCHIVE = { keyspace: 'blue', generation: 1_799_999_999_999 }
const OPTIONS = {
  quotaBackendBytes: null,
  autoCompactionMode: null,
  autoCompactionRetention: null,
} as const

const directory = mkdtempSync(join(tmpdir(), 'etcdurable-replication-'))
let files = 0

/** One stay in memory: what belongs to it comes to nothing when it ends. */
interface Stay {
  isOver: boolean
}

/** A keyspace over real SQLite that sends itself to a store, and may lose its memory at any moment. */
export class ReplicatedShard {
  readonly #clock: VirtualClock
  readonly #objects: FaultyStore
  readonly #sql: NodeSql
  #stay: Stay = { isOver: false }
  #index = 0
  keyspace: Keyspace
  replication: Replication
  readonly log: string[] = []
  /** How often an alarm was asked for. */
  wakes = 0
  /** What each revision has changed, of this shard and of those that it is a copy of. */
  readonly history: Map<number, string>
  /** The rows of the v2 store at each of its indices, of the same. */
  readonly trees: Map<number, string>
  /** While it is not undefined, nothing that was written becomes durable. */
  durable: Promise<void> = Promise.resolve()

  constructor(clock: VirtualClock, objects: FaultyStore, copyOf?: ReplicatedShard) {
    this.#clock = clock
    this.#objects = objects
    const path = join(directory, `${++files}.sqlite`)
    copyOf?.sql.run('VACUUM INTO ?', path)
    this.history = new Map(copyOf?.history)
    this.trees = new Map(copyOf?.trees)
    this.#sql = new NodeSql(path)
    ;({ keyspace: this.keyspace, replication: this.replication } = this.#open())
  }

  get sql(): NodeSql {
    return this.#sql
  }

  /** As kill -9 does it: nothing of it goes on, but for what is on its way to the store. */
  kill(): void {
    this.#stay.isOver = true
    this.#stay = { isOver: false }
  }

  restart(): void {
    this.kill()
    ;({ keyspace: this.keyspace, replication: this.replication } = this.#open())
    this.replication.schedule()
  }

  /** A turn of the event loop. Compaction goes as far as it may. */
  turn(write: (keyspace: Keyspace) => void): void {
    const before = this.keyspace.store.revision
    write(this.keyspace)
    const { store } = this.keyspace
    for (const change of store.changesBetween(before + 1, store.revision)) {
      const known = this.history.get(change.main) ?? ''
      this.history.set(change.main, known + shown(change))
    }
    if (this.keyspace.v2.index !== this.#index) {
      this.#index = this.keyspace.v2.index
      this.trees.set(this.#index, shownTree(this.#sql))
    }
    while (store.compactSlice(this.replication.pinned(this.#clock.now()))) {
      // On to the next slice.
    }
    this.replication.noticed()
  }

  #open(): Pick<ReplicatedShard, 'keyspace' | 'replication'> {
    const stay = this.#stay
    const keyspace = new Keyspace(this.#sql, parseSettings({}), {
      granted: () => undefined,
      renewed: () => undefined,
      revoked: () => undefined,
      watch: { measure: (work) => work() },
    })
    const replication: Replication = new Replication({
      keyspace,
      objects: whileIn(stay, this.#objects),
      archive: ARCHIVE,
      options: OPTIONS,
      lagMs: LAG_MS,
      clock: {
        now: () => this.#clock.now(),
        turn: () => inStay(stay, this.#clock.wait(1)),
        wait: (ms) => inStay(stay, this.#clock.wait(ms)),
      },
      random: () => crypto.randomUUID(),
      durable: () => inStay(stay, this.durable),
      wakeAt: (time) => {
        if (time !== undefined) {
          this.wakes++
          this.#clock.at(Math.max(time, this.#clock.now()), () => {
            if (!stay.isOver) {
              replication.run()
            }
          })
        }
      },
      keep: (work) => void work,
      sent: () => undefined,
      log: (line) => this.log.push(line),
    })
    return { keyspace, replication }
  }
}

/** A change as a text: equal for equal ones. */
export function shown({ main, sub, deleted, kv }: Change<Uint8Array>): string {
  const { key, value, createRevision, version, lease } = kv
  const [keyText, valueText] = [key, value].map((bytes) => Buffer.from(bytes).toString('latin1'))
  const numbers = deleted ? 'gone' : [createRevision, version, lease].join(' ')
  return `${main}.${sub} ${keyText}: ${numbers} ${crc32c(value)} ${valueText?.length}\n`
}

function whileIn(stay: Stay, objects: ObjectStore): ObjectStore {
  return {
    get: (key, range) => inStay(stay, objects.get(key, range)),
    has: (key) => inStay(stay, objects.has(key)),
    put: (key, bytes, condition) => inStay(stay, objects.put(key, bytes, condition)),
    list: (prefix, page) => inStay(stay, objects.list(prefix, page)),
    delete: (keys) => inStay(stay, objects.delete(keys)),
  }
}

/** Never comes to an end when the stay does before. */
async function inStay<T>(stay: Stay, promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } finally {
    if (stay.isOver) {
      await new Promise<never>(() => undefined)
    }
  }
}
