import { V2_KEYS_PREFIX, type V2KeysCall } from '../../protocol/v2-call.ts'
import type { V2Event } from '../../v2/event.ts'
import { expiryAfter } from '../../v2/expiry.ts'
import type { V2Content, V2Store } from '../../v2/store.ts'

/** Finds the store's operation as etcd does (etcdserver/apply_v2.go). Throws a V2Error. */
export function applyKeys(store: V2Store, call: V2KeysCall, now: number): V2Event {
  const { method, recursive, dir } = call
  const path = V2_KEYS_PREFIX + call.path
  const previous = { value: call.prevValue, index: call.prevIndex }
  switch (method) {
    case 'GET':
    case 'HEAD':
      return store.get(path, recursive, now)
    case 'PUT':
      return put(store, call, now)
    case 'POST':
      return store.create(path, contentOf(call, now), true, now)
    case 'DELETE':
      return isCompared(call)
        ? store.compareAndDelete(path, previous, now)
        : store.delete(path, dir, recursive, now)
  }
}

function put(store: V2Store, call: V2KeysCall, now: number): V2Event {
  const { prevExist, prevValue, prevIndex } = call
  const path = V2_KEYS_PREFIX + call.path
  const content = contentOf(call, now)
  if (prevExist === false) {
    return store.create(path, content, false, now)
  }
  if (isCompared(call)) {
    return store.compareAndSwap(path, { value: prevValue, index: prevIndex }, content, now)
  }
  return prevExist === true ? store.update(path, content, now) : store.set(path, content, now)
}

function isCompared({ prevValue, prevIndex }: V2KeysCall): boolean {
  return prevValue !== '' || prevIndex > 0n
}

function contentOf({ dir, value, ttl, refresh }: V2KeysCall, now: number): V2Content {
  return { dir, value, expires: ttl === undefined ? undefined : expiryAfter(ttl, now), refresh }
}
