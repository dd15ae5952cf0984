import type { V2Event } from './event.ts'
import type { V2Node } from './node-table.ts'
import type { V2NodeView } from './node-view.ts'
import { parentOf } from './path.ts'

/** Of what is remembered of files, about. */
const BYTES_MAX = 4 * 1024 * 1024
/** A longer path or value is not worth its room. */
const TEXT_LENGTH_MAX = 4096
/** Of a file, besides its path and its value: objects and numbers. */
const FILE_BYTES = 400
const DIRECTORIES_MAX = 1000

/** A file as a change has left it, and what clients were told of it. */
export interface RecentFile {
  readonly node: V2Node
  readonly view: V2NodeView
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
  written(node: V2Node, { node: view, prev }: V2Event): void {
    const { path, value } = node
    // A directory may have taken a file's place.
    this.#fileGone(path)
    if (value !== undefined && prev !== undefined && path.length + value.length <= TEXT_LENGTH_MAX) {
      const file = { node, view }
      this.#files.set(path, file)
      this.#bytes += costOf(file)
      this.#fit()
    }
    if (this.#directories.size >= DIRECTORIES_MAX) {
      this.#directories.clear()
    }
    this.#directories.add(parentOf(path))
  }

  /** Of a directory that has gone nothing is known, nor of what was in it. */
  removed({ path, value }: V2Node): void {
    if (value === undefined) {
      this.#files.clear()
      this.#directories.clear()
      this.#bytes = 0
    } else {
      this.#fileGone(path)
    }
  }

  #fileGone(path: string): void {
    const file = this.#files.get(path)
    if (file !== undefined) {
      this.#files.delete(path)
      this.#bytes -= costOf(file)
    }
  }

  /** Those that have been there the longest make room. */
  #fit(): void {
    for (const path of this.#files.keys()) {
      if (this.#bytes <= BYTES_MAX) {
        return
      }
      this.#fileGone(path)
    }
  }
}

/** Its texts are there as such and in the view's JSON. */
function costOf({ node: { path, value = '' } }: RecentFile): number {
  return FILE_BYTES + 3 * (path.length + value.length)
}
