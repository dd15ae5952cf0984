import { describe, expect, it } from 'vitest'
import { EventType } from '../../src/mvcc/types.ts'
import { type Sink, watchResponse } from '../../src/mvcc/watch-response.ts'
import { decodeFrames, encodeCall, FrameKind } from '../../src/protocol/frames.ts'
import { Metrics } from '../../src/shard/metrics.ts'
import { Session, type SessionParts } from '../../src/shard/session/session.ts'
import { Turn } from '../../src/shard/session/turn.ts'
import { bytes, put, PUT, shardNamed, ask } from './calls.ts'
import { SessionClient } from './session-client.ts'

const MIB = 1024 * 1024
const STREAMS = 40
const WATCH = { method: '/etcdserverpb.Watch/Watch', request: new Uint8Array(0), context: {} }

describe('the events of a turn', () => {
  it('[SHD21] are 16 MiB for a socket, however many streams it carries; others stay in the log until those have left', () => {
    const sinks: Sink[] = []
    const drained: unknown[] = []
    const sent: Uint8Array[] = []
    const turn = new Turn()
    const hub = {
      open: (sink: Sink) => {
        sinks.push(sink)
        return { takeChanges: () => [], nextWatchId: 0 }
      },
      drained: (stream: unknown) => drained.push(stream),
    }
    const parts = {
      keyspace: { hub, header: () => ({ clusterId: 1n, memberId: 1n, revision: 1, raftTerm: 2 }) },
      metrics: new Metrics(0, 'basic'),
      door: { authorityOf: () => 'all', admit: () => undefined, requireAlive: () => undefined },
      turn,
    } as unknown as SessionParts
    const socket = {
      readyState: WebSocket.OPEN,
      send: (message: Uint8Array) => sent.push(message),
    } as unknown as WebSocket
    const session = new Session(parts, { socket, authority: 'all' as never, memory: undefined })
    for (let stream = 1; stream <= STREAMS; stream++) {
      void session.receive({ kind: FrameKind.OPEN, stream, payload: encodeCall(WATCH) })
    }
    turn.end()
    const value = new Uint8Array(MIB)
    const kv = { key: bytes('a'), createRevision: 2, modRevision: 2, version: 1, value, lease: 0n }
    const events = [{ type: EventType.PUT, kv, prevKv: undefined }]
    const isSent = sinks.map((sink) => {
      const { ready } = sink
      if (ready) {
        sink.send(watchResponse({ watchId: 0, revision: 2, events }))
      }
      return ready
    })
    expect(isSent.filter(Boolean)).toHaveLength(16)
    expect(drained).toEqual([])
    turn.end()
    const frames = sent.flatMap((message) => decodeFrames(message))
    expect(frames.filter(({ kind }) => kind === FrameKind.DATA)).toHaveLength(16)
    expect(drained).toHaveLength(STREAMS)
    // The first 16 have a window of bytes under way, which their readers have yet to take.
    expect(sinks.map(({ ready }) => ready)).toEqual(isSent.map((ready) => !ready))
  })

  it('[SHD21] all arrive, though', async () => {
    const shard = await shardNamed('flush')
    const client = await SessionClient.open(shard)
    for (let stream = 2; stream <= STREAMS; stream++) {
      client.watchStream({}, stream)
    }
    for (let stream = 1; stream <= STREAMS; stream++) {
      client.watch({ key: bytes('a') }, stream)
    }
    await client.until(() => client.responses.length === STREAMS)
    await ask(shard, PUT, put('a', 'v'.repeat(MIB)))
    await ask(shard, PUT, put('a', 'last'))
    await client.until(() => client.revisions.length === 2 * STREAMS)
    expect(client.revisions.filter((revision) => revision === 2)).toHaveLength(STREAMS)
  })
})
