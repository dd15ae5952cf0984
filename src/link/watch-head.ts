import { WireError, WireReader, WireType } from '../protocol/wire.ts'

// Numbers of the fields, etcd's api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto.
const HEADER = 1
const WATCH_ID = 2
const CREATED = 3
const CANCELED = 4
const COMPACT_REVISION = 5
const FRAGMENT = 7
const EVENTS = 11
const HEADER_REVISION = 3
const EVENT_KV = 2
const KV_MOD_REVISION = 3

/** An int64: a number where that is exact, so that each has one representation. */
export type WatchId = number | bigint

/** What tells how far a watch has come: all of a WatchResponse but the content of its events. */
export interface WatchHead {
  /** Of the header; 0 without one. */
  readonly revision: number
  readonly watchId: WatchId
  readonly created: boolean
  readonly canceled: boolean
  readonly compactRevision: number
  readonly fragment: boolean
  /** Where in the message its events begin, one behind the other to the message's end. */
  readonly events: readonly number[]
}

/** Reads a WatchResponse as the shard writes it: its events are the last of its fields. */
export function readWatchHead(message: Uint8Array): WatchHead {
  const reader = new WireReader(message)
  const head = { revision: 0, created: false, canceled: false }
  let watchId: WatchId = 0
  const rest = { compactRevision: 0, fragment: false }
  const events: number[] = []
  while (reader.position < reader.end) {
    const start = reader.position
    const tag = reader.tag()
    switch (tag >>> 3) {
      case HEADER:
        head.revision = readWithin(reader, HEADER_REVISION)
        break
      case WATCH_ID:
        watchId = reader.int64Wide()
        break
      case CREATED:
        head.created = reader.bool()
        break
      case CANCELED:
        head.canceled = reader.bool()
        break
      case COMPACT_REVISION:
        rest.compactRevision = reader.int64()
        break
      case FRAGMENT:
        rest.fragment = reader.bool()
        break
      case EVENTS:
        events.push(start)
        reader.skip(tag)
        break
      default:
        reader.skip(tag)
    }
  }
  return { ...head, ...rest, watchId, events }
}

/** The revision of the event that begins there. */
export function eventRevision(message: Uint8Array, start: number): number {
  const reader = new WireReader(message)
  reader.position = start
  reader.tag()
  reader.end = reader.length() + reader.position
  while (reader.position < reader.end) {
    const tag = reader.tag()
    if (tag >>> 3 === EVENT_KV) {
      return readWithin(reader, KV_MOD_REVISION)
    }
    reader.skip(tag)
  }
  throw new WireError('an event without a key')
}

/** The same response without its first events. */
export function withoutEvents(message: Uint8Array, head: WatchHead, count: number): Uint8Array {
  const first = head.events[0] ?? message.length
  const kept = head.events[count] ?? message.length
  const cut = new Uint8Array(first + message.length - kept)
  cut.set(message.subarray(0, first))
  cut.set(message.subarray(kept), first)
  return cut
}

/** An int64 field of the message that begins with its length; 0 where it has none. */
function readWithin(reader: WireReader, field: number): number {
  const outer = reader.end
  reader.end = reader.length() + reader.position
  let value = 0
  while (reader.position < reader.end) {
    const tag = reader.tag()
    if (tag === field * 8 + WireType.VARINT) {
      value = reader.int64()
    } else {
      reader.skip(tag)
    }
  }
  reader.end = outer
  return value
}
