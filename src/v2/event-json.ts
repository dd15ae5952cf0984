import { goJsonText } from '../protocol/go-json-text.ts'
import { goTimeText } from '../protocol/go-time.ts'
import { V2_KEYS_PREFIX } from '../protocol/v2-call.ts'
import type { V2Event, V2NodeView } from './event.ts'

const written = new WeakMap<V2Event, string>()

/** As etcd 3.4 writes it, with the newline of Go's Encoder. A change is remembered, answered and told of. */
export function eventJson(event: V2Event): string {
  let json = written.get(event)
  if (json === undefined) {
    json = write(event)
    written.set(event, json)
  }
  return json
}

function write({ action, node, prev }: V2Event): string {
  const rest = prev === undefined ? '' : `,"prevNode":${nodeJson(prev)}`
  return `{"action":"${action}","node":${nodeJson(node)}${rest}}\n`
}

/** What `noValueOnSuccess` leaves of it. */
export function bareEventJson({ action }: V2Event): string {
  return `{"action":"${action}"}\n`
}

function nodeJson(node: V2NodeView): string {
  const key = shownPath(node.path)
  const fields: string[] = []
  if (key !== '') {
    fields.push(`"key":${goJsonText(key)}`)
  }
  if (node.value !== undefined) {
    fields.push(`"value":${goJsonText(node.value)}`)
  }
  if (node.isDir) {
    fields.push('"dir":true')
  }
  if (node.expires !== undefined) {
    fields.push(`"expiration":"${goTimeText(node.expires)}"`)
  }
  if (node.ttl) {
    fields.push(`"ttl":${node.ttl}`)
  }
  if (node.nodes.length > 0) {
    fields.push(`"nodes":[${node.nodes.map(nodeJson).join(',')}]`)
  }
  if (node.modified !== 0) {
    fields.push(`"modifiedIndex":${node.modified}`)
  }
  if (node.created !== 0) {
    fields.push(`"createdIndex":${node.created}`)
  }
  return `{${fields.join(',')}}`
}

/** Clients do not see where in the store their keys are. */
export function shownPath(path: string): string {
  return path.startsWith(V2_KEYS_PREFIX) ? path.slice(V2_KEYS_PREFIX.length) : path
}
