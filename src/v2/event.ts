/** What a node looks like from outside (v2store.NodeExtern). Indexes of 0 are not told. */
export interface V2NodeView {
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
}

export type V2Action =
  | 'get'
  | 'set'
  | 'create'
  | 'update'
  | 'compareAndSwap'
  | 'delete'
  | 'compareAndDelete'
  | 'expire'

/** What a call has come to, or a change that watchers are told of. */
export interface V2Event {
  readonly action: V2Action
  readonly node: V2NodeView
  /** What was there before. */
  readonly prev: V2NodeView | undefined
  /** Only the time to live has changed, of which nobody is told. */
  readonly isRefresh: boolean
}

/** Whether the answer is `201 Created`. */
export function isCreation({ action, prev }: V2Event): boolean {
  return action === 'create' || (action === 'set' && prev === undefined)
}

const changes: ReadonlySet<V2Action> = new Set(['set', 'create', 'update', 'compareAndSwap'])

/** Whether `noValueOnSuccess` leaves it with nothing but its action. */
export function isWriting(action: V2Action): boolean {
  return changes.has(action)
}
