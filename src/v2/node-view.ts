import { goJsonText } from '../protocol/go-json-text.ts'
import { goTimeText } from '../protocol/go-time.ts'
import { ttlOf } from './expiry.ts'
import type { V2Node } from './node-table.ts'
import { shownPath } from './path.ts'

interface Shown {
  readonly path: string
  readonly value: string | undefined
  readonly isDir: boolean
  readonly expires: number | undefined
  readonly ttl: number | undefined
  readonly nodes: readonly V2NodeView[]
  readonly modified: number
  readonly created: number
}

/** What a node looks like from outside (v2store.NodeExtern). Indexes of 0 are not told. */
export class V2NodeView implements Shown {
  readonly path: string
  /** A byte text; undefined for a directory, and for what is gone. */
  readonly value: string | undefined
  readonly isDir: boolean
  /** Milliseconds since 1970; undefined for never. */
  readonly expires: number | undefined
  /** Seconds that were left of it when the view was made. */
  readonly ttl: number | undefined
  /** In the order of their paths; only of the node that was asked for, or of all below it. */
  readonly nodes: readonly V2NodeView[]
  readonly modified: number
  readonly created: number
  #json: string | undefined

  constructor(shown: Shown) {
    this.path = shown.path
    this.value = shown.value
    this.isDir = shown.isDir
    this.expires = shown.expires
    this.ttl = shown.ttl
    this.nodes = shown.nodes
    this.modified = shown.modified
    this.created = shown.created
  }

  /** Made once: what a change leaves is told with the next change too. */
  get json(): string {
    this.#json ??= this.#write()
    return this.#json
  }

  /** In the order of etcd's fields. */
  #write(): string {
    const { value, expires, ttl, nodes, modified, created } = this
    const key = shownPath(this.path)
    let fields = key === '' ? '' : `,"key":${goJsonText(key)}`
    if (value !== undefined) {
      fields += `,"value":${goJsonText(value)}`
    }
    if (this.isDir) {
      fields += ',"dir":true'
    }
    if (expires !== undefined) {
      fields += `,"expiration":"${goTimeText(expires)}"`
    }
    if (ttl) {
      fields += `,"ttl":${ttl}`
    }
    if (nodes.length > 0) {
      fields += `,"nodes":[${nodes.map(({ json }) => json).join(',')}]`
    }
    if (modified !== 0) {
      fields += `,"modifiedIndex":${modified}`
    }
    if (created !== 0) {
      fields += `,"createdIndex":${created}`
    }
    return `{${fields.slice(1)}}`
  }
}

export function viewOf(node: V2Node, now: number, nodes: readonly V2NodeView[] = []): V2NodeView {
  const { path, value, expires, modified, created } = node
  const ttl = ttlOf(expires, now)
  return new V2NodeView({
    path,
    value,
    isDir: value === undefined,
    expires,
    ttl,
    nodes,
    modified,
    created,
  })
}

/** What is told of a node that is no more. */
export function viewOfGone(
  { path, created }: V2Node,
  modified: number,
  isDir: boolean,
): V2NodeView {
  const nothing = { value: undefined, expires: undefined, ttl: undefined, nodes: [] }
  return new V2NodeView({ ...nothing, path, created, modified, isDir })
}
