import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { RpcStatus, statusOf } from '../../src/protocol/status.ts'
import { Random } from '../e2e/random.ts'
import { startServer } from '../e2e/server.ts'
import { violations } from '../watch-guarantees.ts'
import { ALL, LinkClient, type WatchRecorder } from './client.ts'

const ROUNDS = 3
const WRITERS = 48
const STREAMS = 8
const WATCHES = 5
/** Writes that must have succeeded before each kill. */
const WRITES = 800

/** Of each key that one put was to write: the put's revision, or how it failed. */
type Outcomes = Map<string, number | RpcStatus>

async function writeUntil(
  state: { readonly done: boolean },
  client: LinkClient,
  { name, outcomes }: { readonly name: number; readonly outcomes: Outcomes },
): Promise<void> {
  for (let count = 0; !state.done; count++) {
    const key = `${name % 10}/${name}/${count}`
    try {
      outcomes.set(key, await client.put(key, 'v'.repeat(count % 50)))
    } catch (error) {
      if (!(error instanceof RpcStatus)) {
        throw error
      }
      outcomes.set(key, error)
    }
  }
}

interface Written {
  readonly version: number
  readonly revision: number
}

/** Every key that there is. */
async function keysWritten(client: LinkClient): Promise<ReadonlyMap<string, Written>> {
  const { kvs } = await client.call('/etcdserverpb.KV/Range', ALL)
  return new Map(
    kvs.map(({ key, version, modRevision }) => [
      Buffer.from(key).toString(),
      { version, revision: modRevision },
    ]),
  )
}

async function watchAtRandom(watch: WatchRecorder, random: Random): Promise<void> {
  for (let i = 0; i < WATCHES; i++) {
    // Keys begin with a digit.
    const first = '0'.charCodeAt(0) + random.integer(0, 9)
    await watch.created({
      key: Uint8Array.of(first),
      rangeEnd: Uint8Array.of(first + random.integer(1, 3)),
      startRevision: random.chance(0.5) ? 0 : random.integer(2, WRITES),
      prevKv: random.chance(0.5),
      fragment: random.chance(0.5),
      watchId: random.chance(0.3) ? 100 + i : 0,
    })
  }
}

function expectOnceAtMost(outcomes: Outcomes, found: ReadonlyMap<string, Written>): void {
  const timeout = statusOf('timeout')
  const lost = statusOf('timeout-connection-lost')
  for (const [key, outcome] of outcomes) {
    const written = found.get(key)
    const once = { version: 1, revision: written?.revision }
    const possible =
      typeof outcome === 'number'
        ? [{ version: 1, revision: outcome }]
        : // What waited for a link too long never left.
          { [timeout.message]: [undefined], [lost.message]: [undefined, once] }[outcome.message]
    expect(possible, key).toContainEqual(written)
  }
}

it('[LNK1] [LNK3] [LNK16] [LNK17] SIGKILL of the server under load loses nothing and does nothing twice', async () => {
  const random = new Random(7)
  const dataDir = await mkdtemp(join(tmpdir(), 'etcdurable-killed-'))
  let server = await startServer({ dataDir })
  const client = await LinkClient.start(`ws://127.0.0.1:${server.port}/session`)
  onTestFinished(async () => {
    client.link.close()
    await server.stop()
    await rm(dataDir, { recursive: true })
  })
  const outcomes: Outcomes = new Map()
  const state = { done: false }
  const writers = Array.from({ length: WRITERS }, (_, name) =>
    writeUntil(state, client, { name, outcomes }),
  )
  const written = (): number =>
    [...outcomes.values()].filter((one) => typeof one === 'number').length
  const enough = async (round: number): Promise<void> => {
    while (written() < round * WRITES) {
      await client.range('0')
    }
  }
  const watches = Array.from({ length: STREAMS }, () => client.watch())
  for (let round = 1; round <= ROUNDS; round++) {
    await enough(round)
    await Promise.all(watches.map((watch) => watchAtRandom(watch, random)))
    await server.kill9()
    server = await startServer({ dataDir, port: server.port })
  }
  await enough(ROUNDS + 1)
  state.done = true
  await Promise.all(writers)
  const found = await keysWritten(client)
  expectOnceAtMost(outcomes, found)
  expect(outcomes.size).toBeGreaterThan(written())
  await expectWhole(client, watches)
}, 120_000)

async function expectWhole(client: LinkClient, streams: readonly WatchRecorder[]): Promise<void> {
  const revision = await client.put('end')
  const history = client.watch()
  await history.created({ ...ALL, startRevision: 2 })
  await history.stream.until(() => history.events.at(-1)?.kv.modRevision === revision)
  for (const watch of streams) {
    // Progress is told when everything before it has been.
    while ((await watch.progress()) < revision) {
      // Told of before the last write.
    }
    for (const record of watch.records(revision)) {
      expect(violations(record, { events: history.events, compactRevision: -1 })).toEqual([])
    }
  }
}
