import { goJsonText } from '../protocol/go-json-text.ts'
import { goTimeText } from '../protocol/go-time.ts'

/** A node of the v2 store; times in ms since 1970. */
export interface KeptNode {
  readonly path: string
  readonly created: number
  readonly modified: number
  readonly expires: number | undefined
  /** A byte text; undefined for a directory. */
  readonly value: string | undefined
}

/** A change that is remembered. `json` is what clients were told of it. */
export interface KeptEvent {
  readonly index: number
  readonly path: string
  readonly isRefresh: boolean
  readonly json: string
}

const CAPACITY = 1000
/** What never expires, to Go. */
const NO_TIME = '0001-01-01T00:00:00Z'

/**
 * The v2 store as etcd 3.4 saves it (v2store.Save). Nodes come in any order, parents among them but for
 * the namespaces; events by their indexes, at most 1,000.
 */
export function v2StoreJson(
  nodes: readonly KeptNode[],
  events: readonly KeptEvent[],
  index: number,
): string {
  const children = new Map<string, KeptNode[]>()
  for (const node of [...namespaces, ...nodes]) {
    const parent = node.path.slice(0, node.path.lastIndexOf('/')) || '/'
    children.set(parent, [...(children.get(parent) ?? []), node])
  }
  const root = nodeJson({ ...directory, path: '/' }, children)
  return `{"Root":${root},"WatcherHub":${hubJson(events)},"CurrentIndex":${index},"Stats":{},"CurrentVersion":2}`
}

const directory = { created: 0, modified: 0, expires: undefined, value: undefined }
const namespaces: readonly KeptNode[] = ['/0', '/1'].map((path) => ({ ...directory, path }))

function nodeJson(node: KeptNode, children: ReadonlyMap<string, readonly KeptNode[]>): string {
  const { path, created, modified, expires, value } = node
  const below = (children.get(path) ?? []).map(
    (child) =>
      `${goJsonText(child.path.slice(child.path.lastIndexOf('/') + 1))}:${nodeJson(child, children)}`,
  )
  const time = expires === undefined ? NO_TIME : goTimeText(expires)
  const content =
    value === undefined
      ? `"Value":"","Children":{${below.join(',')}}`
      : `"Value":${goJsonText(value)},"Children":null`
  return `{"Path":${goJsonText(path)},"CreatedIndex":${created},"ModifiedIndex":${modified},"ExpireTime":"${time}","ACL":"",${content}}`
}

function hubJson(events: readonly KeptEvent[]): string {
  const size = events.length
  const kept = Array.from({ length: CAPACITY }, (_, at) => eventJson(events[at]))
  const queue = `{"Events":[${kept.join(',')}],"Size":${size},"Front":0,"Back":${size % CAPACITY},"Capacity":${CAPACITY}}`
  return `{"EventHistory":{"Queue":${queue},"StartIndex":${events[0]?.index ?? 0},"LastIndex":${events.at(-1)?.index ?? 0}}}`
}

/** In the store the keys are below their namespace. */
function eventJson(event: KeptEvent | undefined): string {
  if (event === undefined) {
    return 'null'
  }
  const told = JSON.parse(event.json) as Readonly<Record<'action' | 'node' | 'prevNode', object>>
  const key = event.path
  const node = { ...told.node, key }
  const prevNode = 'prevNode' in told ? { ...told.prevNode, key } : undefined
  return JSON.stringify({ ...told, node, prevNode, ...(event.isRefresh && { refresh: true }) })
}
