import { bytesOfText } from '../protocol/byte-text.ts'
import type { V2NodeView } from './node-view.ts'

export type V2Action =
  | 'get'
  | 'set'
  | 'create'
  | 'update'
  | 'compareAndSwap'
  | 'delete'
  | 'compareAndDelete'
  | 'expire'

interface Told {
  readonly action: V2Action
  readonly node: V2NodeView
  readonly prev: V2NodeView | undefined
  readonly isRefresh: boolean
}

/** What a call has come to, or a change that watchers are told of. A change is remembered, answered and told of. */
export class V2Event implements Told {
  readonly action: V2Action
  readonly node: V2NodeView
  /** What was there before. */
  readonly prev: V2NodeView | undefined
  /** Only the time to live has changed, of which nobody is told. */
  readonly isRefresh: boolean
  #json: string | undefined
  #bytes: Uint8Array | undefined

  constructor({ action, node, prev, isRefresh }: Told) {
    this.action = action
    this.node = node
    this.prev = prev
    this.isRefresh = isRefresh
  }

  /** As etcd 3.4 writes it, with the newline of Go's Encoder. */
  get json(): string {
    this.#json ??= this.#write()
    return this.#json
  }

  /** The same in UTF-8. */
  get bytes(): Uint8Array {
    this.#bytes ??= bytesOfText(this.json)
    return this.#bytes
  }

  #write(): string {
    const rest = this.prev === undefined ? '' : `,"prevNode":${this.prev.json}`
    return `{"action":"${this.action}","node":${this.node.json}${rest}}\n`
  }

  /** Whether a directory has gone, with all that was below it. */
  get removesDirectory(): boolean {
    return (this.action === 'delete' || this.action === 'expire') && this.prev?.isDir === true
  }

  /** What `noValueOnSuccess` leaves of it, in UTF-8: of what was written, its action alone. */
  get bareBytes(): Uint8Array {
    return writing.has(this.action) ? bytesOfText(`{"action":"${this.action}"}\n`) : this.bytes
  }

  /** Whether the answer is `201 Created`. */
  get isCreation(): boolean {
    return this.action === 'create' || (this.action === 'set' && this.prev === undefined)
  }
}

const writing: ReadonlySet<V2Action> = new Set(['set', 'create', 'update', 'compareAndSwap'])
