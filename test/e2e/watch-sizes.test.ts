// Watchers whose clients take messages of 4 MiB, the default of most gRPC libraries, while much is written.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WatchCreateRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { runs } from '../runs.ts'
import { GrpcClient } from './grpc-client.ts'
import { base64, isObject } from './http.ts'
import { httpTransport, type OpenStream, webSocketTransport } from './streams.ts'
import { Target, targetIsEtcd } from './target.ts'

const MESSAGE_BYTES_MAX = 4 * 1024 * 1024
const WATCH = '/etcdserverpb.Watch/Watch'

let target: Target
let writer: GrpcClient

beforeAll(async () => {
  target = await Target.start()
  writer = new GrpcClient(target.url)
})

afterAll(async () => {
  writer.close()
  await target.stop()
})

interface Load {
  readonly writers: number
  readonly bytes: number
  readonly puts: number
}

/** Resolves to the revisions that were written, in their order. */
async function write(prefix: string, { writers, bytes, puts }: Load): Promise<readonly number[]> {
  const value = Buffer.alloc(bytes, 'v')
  const all = Array.from({ length: writers }, async (_, at) => {
    const revisions: number[] = []
    for (let n = 0; n < puts; n++) {
      const key = Buffer.from(`${prefix}${at}`)
      const { header } = await writer.call('/etcdserverpb.KV/Put', { key, value })
      revisions.push(header?.revision ?? 0)
    }
    return revisions
  })
  return (await Promise.all(all)).flat().toSorted((a, b) => a - b)
}

interface Watched {
  /** The mod_revision of every event. */
  events(count: number): Promise<readonly number[]>
}

async function watchByGrpc(
  prefix: string,
  fields: Partial<WatchCreateRequest>,
  isSlow = false,
): Promise<Watched> {
  const client = new GrpcClient(target.url, undefined, undefined, MESSAGE_BYTES_MAX)
  onTestFinished(() => client.close())
  const watch = client.stream(WATCH, isSlow ? { messagesWaitingMax: 1 } : {})
  const key = Buffer.from(prefix)
  const rangeEnd = Buffer.from(`${prefix}~`)
  watch.send({ createRequest: create(WatchCreateRequest, { key, rangeEnd, ...fields }) })
  expect(await watch.next()).toMatchObject({ created: true })
  return {
    events: async (count) => {
      const seen: number[] = []
      let inSeries = false
      while (seen.length < count || inSeries) {
        const response = await watch.next()
        seen.push(...(response?.events ?? []).map(({ kv }) => kv?.modRevision ?? 0))
        inSeries = response?.fragment ?? false
        await (isSlow ? sleep(5) : undefined)
      }
      return seen
    },
  }
}

async function watchByJson(open: OpenStream, prefix: string): Promise<Watched> {
  const stream = open(target.url, '/v3/watch')
  onTestFinished(() => stream.close())
  const range = { key: base64(prefix), range_end: base64(`${prefix}~`) }
  stream.send(JSON.stringify({ create_request: range }))
  expect(await stream.next()).toMatchObject({ result: { created: true } })
  return {
    events: async (count) => {
      const seen: number[] = []
      while (seen.length < count) {
        const result = (await stream.next())?.['result']
        const events = isObject(result) && Array.isArray(result['events']) ? result['events'] : []
        for (const { kv } of events as { kv: { mod_revision: string } }[]) {
          seen.push(Number(kv.mod_revision))
        }
      }
      return seen
    },
  }
}

describe.each([
  { writers: 64, bytes: 100_000, puts: runs(20) },
  { writers: 4, bytes: 1_000_000, puts: runs(16) },
  { writers: 1000, bytes: 4000, puts: runs(10) },
])('$writers writers of $bytes bytes', { timeout: 300_000 }, (load) => {
  it('[WAT35] every watcher hears of every event, once and in order', async ({ skip }) => {
    skip(targetIsEtcd, 'etcd sends who is slow or comes late one message of any size')
    const prefix = `${load.writers}/`
    const watched = await Promise.all([
      watchByGrpc(prefix, {}),
      watchByGrpc(prefix, { fragment: true }),
      watchByGrpc(prefix, {}, true),
      watchByGrpc(prefix, { fragment: true }, true),
      watchByJson(httpTransport, prefix),
      watchByJson(webSocketTransport, prefix),
    ])
    const count = load.writers * load.puts
    const heard = Promise.all(watched.map((watch) => watch.events(count)))
    // Where one is cut off, that is said below.
    heard.catch(() => undefined)
    const written = await write(prefix, load)
    const resumed = await Promise.all(
      [{}, { fragment: true }, { prevKv: true }].map(async (fields) => {
        const startRevision = written[0] ?? 0
        return (await watchByGrpc(prefix, { ...fields, startRevision })).events(count)
      }),
    )
    for (const seen of [...(await heard), ...resumed]) {
      expect(seen).toEqual(written)
    }
  })
})

it('[WAT34] ten revisions of 1 MiB are one response in fragments', async () => {
  const revisions = await write('row30/', { writers: 1, bytes: 1024 * 1024, puts: 10 })
  const client = new GrpcClient(target.url)
  onTestFinished(() => client.close())
  const watch = client.stream(WATCH)
  const [startRevision = 0] = revisions
  const fields = { key: Buffer.from('row30/0'), startRevision, fragment: true }
  watch.send({ createRequest: create(WatchCreateRequest, fields) })
  await watch.next()
  const marks: [events: number, fragment: boolean][] = []
  do {
    const { events, fragment } = (await watch.next()) ?? { events: [], fragment: false }
    marks.push([events.length, fragment])
  } while (marks.at(-1)?.[1] === true)
  // etcd 3.7.1 sends the same.
  expect(marks).toEqual([...Array.from({ length: 9 }, () => [1, true]), [1, false]])
})
