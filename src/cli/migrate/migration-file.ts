import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import * as z from 'zod'
import { Failure, systemErrorCode } from '../failure.ts'

const count = z.int().min(0)
const sum = z.int().min(0)

const schema = z.strictObject({
  format: z.literal(1),
  /** The id of the source's cluster, in decimal. */
  cluster: z.string(),
  keyspace: z.string(),
  target: z.string(),
  /** The id of the restore by which the target makes the keyspace. */
  restore: z.string(),
  /** Of the snapshot beside the file: it is sent first. */
  snapshot: z.strictObject({ revision: count, changesSum: sum }),
  /**
   * While it is `refusing` the source may refuse writes, and history comes still; `ending` sends what is not
   * history, and may have to do so again; `committed` may be ready.
   */
  stage: z.enum(['copying', 'following', 'refusing', 'ending', 'committed']),
  /** The last revision that the target has as a whole, and how many entries it has got up to there. */
  point: z.strictObject({ revision: count, changesSum: sum, entries: count }),
})

/** What a migration has to know when it goes on after it was stopped. */
export type MigrationState = z.output<typeof schema>

/** The file that it is kept in. A change is there as a whole or not at all. */
export class MigrationFile {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** Where the source's snapshot lies, which is the first part of the copy. */
  get snapshotPath(): string {
    return `${this.path}.db`
  }

  /** Undefined where there is none. Throws Failure. */
  read(): MigrationState | undefined {
    let text: string
    try {
      text = readFileSync(this.path, 'utf8')
    } catch (error) {
      const code = systemErrorCode(error)
      if (code === 'ENOENT') {
        return undefined
      }
      throw code === undefined ? error : new Failure(`cannot read ${this.path}: ${code}`)
    }
    const state = schema.safeParse(parsed(text))
    if (!state.success) {
      throw new Failure(`${this.path} is no state of a migration; --state names another file`)
    }
    return state.data
  }

  write(state: MigrationState): void {
    const part = `${this.path}.part`
    const file = openSync(part, 'w', 0o600)
    try {
      writeSync(file, `${JSON.stringify(state)}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(part, this.path)
  }

  /** The migration is done, or begins anew. */
  remove(): void {
    for (const path of [this.path, this.snapshotPath]) {
      rmSync(path, { force: true })
      rmSync(`${path}.part`, { force: true })
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined
    }
    throw error
  }
}
