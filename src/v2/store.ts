import type { Sql } from '../mvcc/sql.ts'
import { V2Error } from './error.ts'
import { EventHistory, type V2Watched } from './event-history.ts'
import { V2Event } from './event.ts'
import { madeToExpire } from './expiry.ts'
import { cellsOf, isReadOnly, keyOf, type V2Node, NodeTable } from './node-table.ts'
import { viewOf, viewOfGone, type V2NodeView } from './node-view.ts'
import { childOf, isHidden, lineage, parentOf, ROOT } from './path.ts'
import { type RecentFile, RecentNodes } from './recent-nodes.ts'
import type { V2Follower } from './row-change.ts'
import { newStats, type V2Operation } from './stats.ts'
import { V2WatchHub } from './watch-hub.ts'

/** What of a node a write sets. */
export interface V2Content {
  /** Makes a directory, which has no value. */
  readonly dir: boolean
  /** A byte text (protocol/byte-text.ts). */
  readonly value: string
  /** Milliseconds since 1970; undefined for never. */
  readonly expires: number | undefined
  /** Only the time to live changes, and no watcher hears of it. */
  readonly refresh: boolean
}

/** What has to be there for a change to be made: an empty value and an index of 0 match all. */
export interface V2Previous {
  readonly value: string
  readonly index: bigint
}

/** What a node is made of, and what is there before, with what memory knows of that. */
interface V2Making {
  readonly content: V2Content
  readonly old: V2Node | undefined
  readonly recent: RecentFile | undefined
}

/** A node and the event of its change (migrations/0017_node_tree.sql). */
const INSERT_CHANGE =
  'INSERT INTO v2_change (parent, name, created, modified, expires, value, ' +
  'slot, position, path, silent, removed, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'

/** Digits of a key that Create chooses. */
const UNIQUE_DIGITS = 20

/**
 * etcd's v2 store: a tree of files and directories, an index that each change counts up, and those who
 * wait for changes. Paths are clean and absolute. `now` is the caller's clock in milliseconds since
 * 1970. What is refused throws a V2Error, and has changed nothing.
 */
export class V2Store {
  readonly #sql: Sql
  readonly #nodes: NodeTable
  readonly #history: EventHistory
  readonly #recent = new RecentNodes()
  readonly hub = new V2WatchHub()
  /** Mostly nobody. */
  readonly followers = new Set<V2Follower>()
  readonly stats = newStats()
  /** When something may expire, in ms since 1970; no later than that, but maybe earlier. */
  #nextExpiry: number | undefined

  constructor(sql: Sql) {
    this.#sql = sql
    this.#nodes = new NodeTable(sql)
    this.#history = new EventHistory(sql)
    this.#nextExpiry = this.#nodes.firstExpiry()
  }

  /** Of the latest change. */
  get index(): number {
    return this.#history.index
  }

  /** Whether all changes behind an index are remembered. */
  remembers(index: number): boolean {
    return this.#history.remembers(index)
  }

  /** When `expire` may next have something to do, in ms since 1970. */
  get nextExpiry(): number | undefined {
    return this.#nextExpiry
  }

  /** Whether there is a node, which no statistics count. */
  has(path: string): boolean {
    return this.#find(path) !== undefined
  }

  get(path: string, recursive: boolean, now: number): V2Event {
    return this.#counting('gets', () => {
      const node = this.#existing(path)
      return new V2Event({
        action: 'get',
        node: this.#listed(node, recursive, now),
        prev: undefined,
        isRefresh: false,
      })
    })
  }

  /** Makes the node or takes the place of a file, and makes the directories above it. */
  set(path: string, content: V2Content, now: number): V2Event {
    return this.#counting('sets', () => {
      const recent = this.#recent.file(path)
      const old = recent?.node ?? this.#find(path)
      if (old === undefined) {
        if (!this.#recent.hasDirectory(parentOf(path))) {
          this.#requireFiles(path)
        }
        if (content.refresh) {
          throw this.#missing(path)
        }
      }
      const made = content.refresh ? { ...content, value: old?.value ?? '' } : content
      return this.#make('set', path, { content: made, old, recent }, now)
    })
  }

  /** Makes the node, and the directories above it; `unique` is a file below the path, named by its index. */
  create(path: string, content: V2Content, unique: boolean, now: number): V2Event {
    return this.#counting('create', () => {
      const name = String(this.index + 1).padStart(UNIQUE_DIGITS, '0')
      const made = unique ? childOf(path, name) : path
      const old = this.#find(made)
      return this.#make(
        'create',
        made,
        { content: { ...content, refresh: false }, old, recent: undefined },
        now,
      )
    })
  }

  /** Sets value and time to live of a file, or the latter alone of a directory. */
  update(path: string, content: V2Content, now: number): V2Event {
    return this.#counting('update', () => {
      this.#requireWritable(path)
      const node = this.#existing(path)
      if (node.value === undefined && content.value !== '') {
        throw new V2Error(102, path, this.index, false)
      }
      return this.#change('update', node, content, now)
    })
  }

  compareAndSwap(path: string, previous: V2Previous, content: V2Content, now: number): V2Event {
    return this.#counting('compareAndSwap', () => {
      this.#requireWritable(path)
      const node = this.#existing(path)
      this.#compare(node, previous, true)
      return this.#change('compareAndSwap', node, content, now)
    })
  }

  /** `recursive` deletes a directory with all that is below it, `dir` an empty one. */
  delete(path: string, dir: boolean, recursive: boolean, now: number): V2Event {
    return this.#counting('delete', () => {
      this.#requireWritable(path)
      const node = this.#existing(path)
      if (node.value === undefined && !dir && !recursive) {
        throw new V2Error(102, path, this.index)
      }
      if (node.value === undefined && !recursive && this.#nodes.hasChildren(path)) {
        throw new V2Error(108, path, this.index)
      }
      return this.#remove('delete', node, now)
    })
  }

  compareAndDelete(path: string, previous: V2Previous, now: number): V2Event {
    return this.#counting('compareAndDelete', () => {
      const node = this.#existing(path)
      this.#compare(node, previous, false)
      return this.#remove('compareAndDelete', node, now)
    })
  }

  /** Removes what has expired, at most so many nodes, each with what is below it. Answers whether there may be more. */
  expire(now: number, max: number): boolean {
    for (let removed = 0; removed < max; removed++) {
      const node = this.#nodes.firstExpired(now)
      if (node === undefined) {
        this.#nextExpiry = this.#nodes.firstExpiry()
        return false
      }
      this.#remove('expire', node, now)
      this.stats.expireCount++
    }
    return true
  }

  /** The first change from an index on, in JSON; undefined where it is still to come. Throws a V2Error. */
  firstEvent(watched: V2Watched, since: bigint): string | undefined {
    return this.#history.first(watched, since)
  }

  #counting<T>(operation: V2Operation, run: () => T): T {
    let succeeded = true
    try {
      return run()
    } catch (error) {
      succeeded = error instanceof V2Error && !error.isCounted
      throw error
    } finally {
      this.stats[`${operation}${succeeded ? 'Success' : 'Fail'}`]++
    }
  }

  #find(path: string): V2Node | undefined {
    return this.#nodes.get(path)
  }

  #existing(path: string): V2Node {
    const node = this.#find(path)
    if (node === undefined) {
      this.#requireFiles(path)
      throw this.#missing(path)
    }
    return node
  }

  /** Throws where a file is in the way of a path that is not there. */
  #requireFiles(path: string): void {
    for (const above of lineage(parentOf(path))) {
      const node = this.#find(above)
      if (node === undefined) {
        return
      }
      if (node.value !== undefined) {
        throw new V2Error(104, above, this.index)
      }
    }
  }

  /** etcd names the first part of the path that is not there. */
  #missing(path: string): V2Error {
    const first = lineage(path).find((above) => this.#find(above) === undefined)
    return new V2Error(100, first ?? path, this.index)
  }

  #requireWritable(path: string): void {
    if (isReadOnly(path)) {
      throw new V2Error(107, ROOT, this.index, false)
    }
  }

  #compare(node: V2Node, { value, index }: V2Previous, isCounted: boolean): void {
    if (node.value === undefined) {
      throw new V2Error(102, node.path, this.index, isCounted)
    }
    const causes: string[] = []
    if (value !== '' && value !== node.value) {
      causes.push(`[${value} != ${node.value}]`)
    }
    if (index !== 0n && index !== BigInt(node.modified)) {
      causes.push(`[${index} != ${node.modified}]`)
    }
    if (causes.length > 0) {
      throw new V2Error(101, causes.join(' '), this.index, isCounted)
    }
  }

  #make(
    action: 'set' | 'create',
    path: string,
    { content, old, recent }: V2Making,
    now: number,
  ): V2Event {
    if (isReadOnly(path)) {
      throw new V2Error(107, ROOT, this.index)
    }
    const missing = old === undefined ? this.#missingAbove(path) : []
    if (old !== undefined && (action === 'create' || old.value === undefined)) {
      throw new V2Error(action === 'create' ? 105 : 102, path, this.index)
    }
    const index = this.index + 1
    const node: V2Node = {
      path,
      created: index,
      modified: index,
      expires: madeToExpire(content.expires),
      value: content.dir ? undefined : content.value,
    }
    const event = new V2Event({
      action,
      node: viewOf(node, now),
      // How long it was to live is told as of now.
      prev: old && (old.expires === undefined && recent ? recent.view : viewOf(old, now)),
      isRefresh: content.refresh,
    })
    this.#commitNode(event, node, missing, recent?.key)
    this.#expects(node.expires)
    return event
  }

  /** The directories that a path needs and that are not there, the highest first. Throws where a file is in the way. */
  #missingAbove(path: string): readonly string[] {
    if (this.#recent.hasDirectory(parentOf(path))) {
      return []
    }
    const parent = this.#find(parentOf(path))
    if (parent !== undefined && parent.value === undefined) {
      return []
    }
    const missing: string[] = []
    for (const above of lineage(parentOf(path))) {
      const node = missing.length === 0 ? this.#find(above) : undefined
      if (node === undefined) {
        missing.push(above)
      } else if (node.value !== undefined) {
        // etcd counts that twice, as a Set too.
        this.stats.setsFail++
        throw new V2Error(104, above, this.index)
      }
    }
    return missing
  }

  /** Of what is there. A directory keeps its own index, though the change has the next one. */
  #change(
    action: 'update' | 'compareAndSwap',
    old: V2Node,
    content: V2Content,
    now: number,
  ): V2Event {
    const index = this.index + 1
    const { expires, refresh } = content
    const isDirectory = old.value === undefined
    const value = refresh || isDirectory ? old.value : content.value
    const node = { ...old, value, expires, modified: isDirectory ? old.modified : index }
    const event = new V2Event({
      action,
      node: viewOf({ ...node, modified: index }, now),
      prev: viewOf(old, now),
      isRefresh: refresh,
    })
    this.#commitNode(event, node, [])
    this.#expects(expires)
    return event
  }

  #remove(action: 'delete' | 'compareAndDelete' | 'expire', old: V2Node, now: number): V2Event {
    const { path } = old
    const isDirectory = old.value === undefined
    const event = new V2Event({
      action,
      node: viewOfGone(old, this.index + 1, isDirectory && action !== 'compareAndDelete'),
      prev: viewOf(old, now),
      isRefresh: false,
    })
    const below = isDirectory ? this.hub.watchedBelow(path) : []
    const removed = below.filter((watched) => this.#find(watched) !== undefined)
    this.#changing(path, true)
    this.#commit(event, () => this.#nodes.delete(old))
    this.#recent.removed(old)
    this.#committed(event, [...removed, path])
    this.#changed(event, [], old)
    return event
  }

  /** A change that writes one node, and maybe makes directories above it. */
  #commitNode(
    event: V2Event,
    node: V2Node,
    missing: readonly string[],
    key = keyOf(node.path),
  ): void {
    this.#changing(node.path, false)
    const made = missing.map((path) => ({ ...node, path, expires: undefined, value: undefined }))
    const row = missing.length === 0 ? this.#history.shortRow(event, key.path) : undefined
    if (row === undefined) {
      this.#commit(event, () => {
        made.forEach((above) => this.#nodes.put(above))
        this.#nodes.put(node)
      })
    } else {
      this.#sql.run(INSERT_CHANGE, ...cellsOf(node, key), ...row)
    }
    this.#recent.written(node, key, event)
    this.#committed(event, [])
    this.#changed(event, [...made, node], undefined)
  }

  #changing(path: string, isDeletion: boolean): void {
    if (this.followers.size > 0) {
      this.followers.forEach(({ changing }) => changing?.(path, isDeletion))
    }
  }

  #changed(event: V2Event, written: readonly V2Node[], gone: V2Node | undefined): void {
    if (this.followers.size > 0) {
      const change = { written, gone, event, position: this.index }
      this.followers.forEach(({ changed }) => changed?.(change))
    }
  }

  #commit(event: V2Event, write: () => void): void {
    this.#sql.transaction(() => {
      write()
      this.#history.add(event)
    })
  }

  /** `removed` are watched paths that have gone with a directory. */
  #committed(event: V2Event, removed: readonly string[]): void {
    this.#history.counted()
    if (!event.isRefresh) {
      this.hub.notify(event, removed)
    }
  }

  #expects(expires: number | undefined): void {
    if (expires !== undefined && expires < (this.#nextExpiry ?? Infinity)) {
      this.#nextExpiry = expires
    }
  }

  /** A directory with its children, or with all below it; hidden ones are left out. */
  #listed(node: V2Node, recursive: boolean, now: number): V2NodeView {
    if (node.value !== undefined) {
      return viewOf(node, now)
    }
    if (!recursive) {
      const nodes = this.#nodes.children(node.path).filter(({ path }) => !isHidden(path))
      return viewOf(
        node,
        now,
        nodes.map((child) => viewOf(child, now)),
      )
    }
    const directories = this.#nodes.below(node.path)
    const deep = (one: V2Node): V2NodeView => {
      const nodes = directories.get(one.path) ?? []
      return viewOf(one, now, nodes.filter(({ path }) => !isHidden(path)).map(deep))
    }
    return deep(node)
  }
}
