import type { V2Event } from './event.ts'
import type { NodeKey, V2Node } from './node-table.ts'
import type { V2NodeView } from './node-view.ts'
import { parentOf } from './path.ts'

/** Of what is remembered of files, about. */
const BYTES_MAX = 4 * 1024 * 1024
/** A file that takes more is not worth its room. */
const FILE_BYTES_MAX = 16 * 1024
/** Of a file, besides its path and its value: objects, numbers, and the bytes of its key. */
const FILE_BYTES = 1000
const DIRECTORIES_MAX = 1000

/** A file as a change has left it. */
export interface RecentFile {
  readonly node: V2Node
  /** What clients were told of it. */
  readonly view: V2NodeView
  readonly key: NodeKey
}

/**
 * What changes have left of the tree lately. The object is the only one to write, so that a Set need not
 * read what it takes the place of, nor look for the directory above. Only what writes may ask here: an
 * object that is no longer the one finds that out by its SQL.
 */
export class RecentNodes {
  readonly #files = new Map<string, RecentFile>()
  readonly #directories = new Set<string>()
  #bytes = 0

  file(path: string): RecentFile | undefined {
    return this.#files.get(path)
  }

  hasDirectory(path: string): boolean {
    return this.#directories.has(path)
  }

  /** A node as a change has left it. A file that was not there before may never be set again. */
  written(node: V2Node, key: NodeKey, { node: view, prev }: V2Event): void {
    const { path, value } = node
    const file = { node, view, key }
    const bytes = costOf(file)
    const isKept = value !== undefined && prev !== undefined && bytes <= FILE_BYTES_MAX
    const old = this.#files.get(path)
    this.#bytes += (isKept ? bytes : 0) - (old === undefined ? 0 : costOf(old))
    if (isKept) {
      this.#files.set(path, file)
      this.#fit()
    } else if (old !== undefined) {
      this.#files.delete(path)
    }
    if (old === undefined) {
      this.#addDirectory(parentOf(path))
    }
  }

  #addDirectory(path: string): void {
    if (this.#directories.size >= DIRECTORIES_MAX) {
      this.#directories.clear()
    }
    if (path.length <= FILE_BYTES_MAX) {
      this.#directories.add(path)
    }
  }

  /** Of a directory that has gone nothing is known, nor of what was in it. */
  removed({ path, value }: V2Node): void {
    if (value === undefined) {
      this.#files.clear()
      this.#directories.clear()
      this.#bytes = 0
    } else {
      this.#drop(path)
    }
  }

  #drop(path: string): void {
    const file = this.#files.get(path)
    if (file !== undefined) {
      this.#files.delete(path)
      this.#bytes -= costOf(file)
    }
  }

  /** Those that came first make room. */
  #fit(): void {
    for (const path of this.#files.keys()) {
      if (this.#bytes <= BYTES_MAX) {
        return
      }
      this.#drop(path)
    }
  }
}

/** Its texts are there as such and in the view's JSON. */
function costOf({ node: { path, value = '' } }: RecentFile): number {
  return FILE_BYTES + 3 * (path.length + value.length)
}
