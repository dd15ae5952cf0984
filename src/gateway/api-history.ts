import type * as z from 'zod'
import { differences, differencesBetween, keysAt, keysFound } from '../api/history.ts'
import { namedKeyspace } from '../api/keyspaces.ts'
import type { Visitor } from '../door/visitor.ts'
import { fromBase64 } from '../protocol/base64-decode.ts'
import { toBase64 } from '../protocol/base64.ts'
import type { KeyValue } from '../protocol/generated/messages.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { pointOf, type Target } from '../recovery/point.ts'
import { Recovery } from '../recovery/recovery.ts'
import { differencesOf, scanAt } from '../recovery/scan.ts'
import { endpoint, type Endpoint } from './api-endpoint.ts'
import { openArchive, reading, targetOf } from './archive-access.ts'
import { liveKeys } from './live-history.ts'

const refusals = {
  400: 'No such revision or time is kept.',
  404: 'There is no such keyspace, and there are no snapshots of one.',
}

/** What a keyspace was, below the compacted revision too, and after it was deleted. */
export const historyEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'GET',
    path: '/keyspaces/{name}/history/keys',
    id: 'keysAt',
    summary: 'Reads keys as they were at a revision or a time.',
    params: namedKeyspace,
    query: keysAt,
    success: { status: 200, description: 'The keys.', schema: keysFound },
    refusals,
    handle: ({ env, visitor }, { params: { name }, query }) =>
      reading(async () => {
        const { revision, time, generation } = query
        const history = { env, visitor, keyspace: name, generation }
        const found = await keysOf(history, rangeOf(query), targetOf(revision, time))
        return { ...found, kvs: found.kvs.map(shownVersion) }
      }),
  }),
  endpoint({
    method: 'GET',
    path: '/keyspaces/{name}/history/differences',
    id: 'keyDifferences',
    summary: 'Tells what became of keys between two revisions or times.',
    params: namedKeyspace,
    query: differencesBetween,
    success: { status: 200, description: 'The keys that differ.', schema: differences },
    refusals,
    handle: ({ env, visitor }, { params: { name }, query }) =>
      reading(async () => {
        const { fromRevision, fromTime, toRevision, toTime, generation } = query
        const history = { env, visitor, keyspace: name, generation }
        const range = rangeOf(query)
        const before = await keysOf(history, range, targetOf(fromRevision, fromTime))
        const after = await keysOf(history, range, targetOf(toRevision, toTime))
        return {
          fromRevision: before.revision,
          toRevision: after.revision,
          differences: differencesOf(before, after).map((one) => ({
            ...(one.before && { before: shownVersion(one.before) }),
            ...(one.after && { after: shownVersion(one.after) }),
          })),
        }
      }),
  }),
]

/** Whose history is read. */
interface History {
  readonly env: Env
  readonly visitor: Visitor
  readonly keyspace: string
  readonly generation: number | undefined
}

interface Range {
  readonly key: Uint8Array
  readonly rangeEnd: Uint8Array
}

interface Found {
  readonly revision: number
  readonly from: 'keyspace' | 'archive'
  readonly kvs: readonly KeyValue[]
}

/** Of the keyspace itself where it has the revision still, else of its snapshots. */
async function keysOf(history: History, range: Range, target: Target): Promise<Found> {
  const { env, visitor, keyspace, generation } = history
  const isLive = generation === undefined && !('time' in target)
  const revision = 'revision' in target ? target.revision : 0
  const live = isLive ? await liveKeys(env, visitor, keyspace, { ...range, revision }) : undefined
  if (live !== undefined) {
    return { ...live, from: 'keyspace' }
  }
  const { reader, manifest } = await openArchive(env, keyspace, generation)
  const point = await pointOf(reader, manifest, target)
  const scanned = await scanAt(new Recovery(reader, point), boundsOf(range))
  return { ...scanned, from: 'archive' }
}

/** As etcd has a range: no end is the key alone, and a zero byte all keys behind it. */
function boundsOf({ key, rangeEnd }: Range): {
  readonly start: Uint8Array
  readonly end: Uint8Array | undefined
} {
  if (rangeEnd.length === 0) {
    return { start: key, end: Uint8Array.from([...key, 0]) }
  }
  const isOpen = rangeEnd.length === 1 && rangeEnd[0] === 0
  return { start: key, end: isOpen ? undefined : rangeEnd }
}

function rangeOf({ key, rangeEnd = '' }: z.output<typeof keysAt>): Range {
  return { key: bytesOf(key), rangeEnd: bytesOf(rangeEnd) }
}

function bytesOf(base64: string): Uint8Array {
  const bytes = fromBase64(base64)
  if (bytes === undefined) {
    throw new RpcStatus(Code.INVALID_ARGUMENT, `"${base64}" is no base64`)
  }
  return bytes
}

function shownVersion(kv: KeyValue): z.output<typeof keysFound>['kvs'][number] {
  const { createRevision, modRevision, version } = kv
  return {
    key: toBase64(kv.key),
    value: toBase64(kv.value),
    createRevision,
    modRevision,
    version,
    lease: String(kv.lease),
  }
}
