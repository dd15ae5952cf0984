import { goJsonText } from '../protocol/go-json-text.ts'
import type { V2Store } from './store.ts'

/** Beside the keys of clients, as etcd keeps its members (api/membership/store.go), for its index to count their changes. */
const MEMBERS = '/0/members'
const REMOVED = '/0/removed'

interface KeptMember {
  readonly id: bigint
  readonly peerURLs: readonly string[]
}

/** etcd reads in its store who is a member, and who was one, before it changes that: the statistics count it. */
export function countLooks(store: V2Store): void {
  store.stats.getsSuccess++
  store.stats[store.has(REMOVED) ? 'getsSuccess' : 'getsFail']++
}

/** Of a member that was added, or has other URLs now. */
export function recordMember(store: V2Store, { id, peerURLs }: KeptMember, now: number): void {
  const path = `${pathOf(MEMBERS, id)}/raftAttributes`
  const content = contentOf(`{"peerURLs":[${peerURLs.map(goJsonText).join(',')}]}`)
  if (store.has(path)) {
    store.update(path, content, now)
  } else {
    store.create(path, content, false, now)
  }
}

export function recordRemoval(store: V2Store, id: bigint, now: number): void {
  const path = pathOf(MEMBERS, id)
  if (store.has(path)) {
    store.delete(path, true, true, now)
  }
  store.create(pathOf(REMOVED, id), contentOf(''), false, now)
}

/** Its id is never given again. */
export function isRemovedMember(store: V2Store, id: bigint): boolean {
  return store.has(pathOf(REMOVED, id))
}

function pathOf(above: string, id: bigint): string {
  return `${above}/${id.toString(16)}`
}

function contentOf(value: string): Parameters<V2Store['create']>[1] {
  return { dir: false, value, expires: undefined, refresh: false }
}
