import { dirname } from 'node:path'
import type { Random } from '../e2e/random.ts'
import { type Change, FileContent } from './file-content.ts'
import type { FileEvent } from './file-trace.ts'

const SECTOR_BYTES = 512

interface File {
  readonly durable: FileContent
  /** What was done to it and not flushed. */
  pending: Change[]
}

interface NameChange {
  readonly kind: 'create' | 'unlink' | 'rename'
  readonly path: string
  /** Of a file that is renamed: its name from then on. */
  readonly to?: string
  readonly file: File
}

/** How much of what was not flushed is there after a cut. */
export type Luck = 'all' | 'nothing' | 'some'

/**
 * A disk that keeps what was flushed, and of all else what it likes: any change of a file, in any
 * order, and of a write any of its sectors; of names a part, in their order, as journals keep them.
 */
export class Disk {
  readonly #names = new Map<string, File>()
  readonly #durableNames = new Map<string, File>()
  #nameChanges: NameChange[] = []
  readonly #syncs = new Map<string, { changes: readonly (Change | NameChange)[]; file?: File }>()

  do(event: FileEvent): void {
    switch (event.kind) {
      case 'write':
      case 'truncate':
        this.#file(event.path).pending.push(event)
        break
      case 'create':
        this.#file(event.path)
        break
      case 'unlink':
        this.#unlink(event.path)
        break
      case 'rename':
        this.#rename(event.path, event.to)
        break
      case 'syncBegin':
        this.#beginSync(event)
        break
      case 'syncEnd':
        this.#endSync(event)
        break
      case 'sent':
        break
    }
  }

  #file(path: string): File {
    let file = this.#names.get(path)
    if (file === undefined) {
      file = { durable: new FileContent(), pending: [] }
      this.#names.set(path, file)
      this.#nameChanges.push({ kind: 'create', path, file })
    }
    return file
  }

  #unlink(path: string): void {
    const file = this.#names.get(path)
    if (file !== undefined) {
      this.#names.delete(path)
      this.#nameChanges.push({ kind: 'unlink', path, file })
    }
  }

  #rename(path: string, to: string): void {
    const file = this.#file(path)
    this.#names.delete(path)
    this.#names.set(to, file)
    this.#nameChanges.push({ kind: 'rename', path, to, file })
  }

  #beginSync({ path, id }: { readonly path: string; readonly id: string }): void {
    const file = this.#names.get(path)
    // The flush of a directory is that of its names.
    const names = this.#nameChanges.filter((change) => dirname(change.path) === path)
    const changes = file === undefined ? names : [...file.pending]
    this.#syncs.set(id, { changes, ...(file === undefined ? {} : { file }) })
  }

  #endSync({ id }: { readonly id: string }): void {
    const sync = this.#syncs.get(id)
    this.#syncs.delete(id)
    const done = new Set(sync?.changes)
    const file = sync?.file
    if (file === undefined) {
      this.#nameChanges.filter((change) => done.has(change)).forEach((change) => this.#keep(change))
      this.#nameChanges = this.#nameChanges.filter((change) => !done.has(change))
      return
    }
    file.pending.filter((change) => done.has(change)).forEach((change) => file.durable.do(change))
    file.pending = file.pending.filter((pending) => !done.has(pending))
  }

  #keep(change: NameChange, names = this.#durableNames): void {
    if (change.kind === 'create') {
      names.set(change.path, change.file)
    } else {
      names.delete(change.path)
    }
    if (change.to !== undefined) {
      names.set(change.to, change.file)
    }
  }

  /** The files as they are found when the power is back. */
  cut(luck: Luck, random: Random): ReadonlyMap<string, Buffer> {
    const names = new Map(this.#durableNames)
    const count = { all: this.#nameChanges.length, nothing: 0, some: -1 }[luck]
    const kept = count === -1 ? random.integer(0, this.#nameChanges.length) : count
    this.#nameChanges.slice(0, kept).forEach((change) => this.#keep(change, names))
    return new Map([...names].map(([path, file]) => [path, leftOf(file, luck, random)]))
  }
}

function leftOf({ durable, pending }: File, luck: Luck, random: Random): Buffer {
  const content = durable.copy()
  for (const change of luck === 'nothing' ? [] : pending) {
    const way = luck === 'all' ? 'whole' : random.pick(['whole', 'torn', 'gone'] as const)
    if (way === 'whole') {
      content.do(change)
    } else if (way === 'torn' && change.kind === 'write') {
      tear(content, change, random)
    }
  }
  return content.bytes
}

function tear(
  content: FileContent,
  { offset, data }: Extract<Change, { kind: 'write' }>,
  random: Random,
): void {
  for (let begin = 0; begin < data.length; begin += SECTOR_BYTES) {
    if (random.chance(0.5)) {
      content.write(offset + begin, data.subarray(begin, begin + SECTOR_BYTES))
    }
  }
}
