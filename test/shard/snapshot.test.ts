import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { decode } from '../../src/protocol/binary.ts'
import { CREDIT_WINDOW_BYTES, encodeCredit, FrameKind } from '../../src/protocol/frames.ts'
import {
  AuthUserAddRequest,
  type AuthenticateResponse,
  SnapshotResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import type { MethodName } from '../../src/protocol/methods.ts'
import { Code } from '../../src/protocol/status.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { readBolt } from '../snapshot/bbolt-reader.ts'
import {
  ask,
  call,
  COMPACT,
  compaction,
  LEASE_GRANT,
  grant,
  put,
  PUT,
  range,
  RANGE,
  shardNamed,
} from './calls.ts'
import { SessionClient } from './session-client.ts'

type Stub = DurableObjectStub<Shard>

const SNAPSHOT = '/etcdserverpb.Maintenance/Snapshot'
const STREAM = 5

/** Puts each of the keys twice, the second time with a value of so many bytes. */
async function filled(name: string, keys: number, valueBytes: number): Promise<Stub> {
  const shard = await shardNamed(name)
  for (let i = 0; i < keys; i++) {
    await ask(shard, PUT, put(`k${i}`, 'first'))
    await ask(shard, PUT, put(`k${i}`, String(i % 10).repeat(valueBytes)))
  }
  return shard
}

const messages = (client: SessionClient): readonly SnapshotResponse[] =>
  (client.parts.get(STREAM) ?? []).map((message) => decode(SnapshotResponse, message))

const received = (client: SessionClient): number =>
  (client.parts.get(STREAM) ?? []).reduce((sum, part) => sum + part.length, 0)

/** Gives credit for what comes until the stream ends; all of it, without the hash behind it. */
async function readToEnd(client: SessionClient): Promise<Uint8Array> {
  let credited = 0
  while (!client.answers.has(STREAM)) {
    const now = received(client)
    client.frame(FrameKind.CREDIT, encodeCredit(now - credited), STREAM)
    credited = now
    await client.until(() => received(client) > credited || client.answers.has(STREAM))
  }
  await client.answer(STREAM)
  return joined(messages(client).slice(0, -1))
}

function joined(parts: readonly SnapshotResponse[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { blob }) => sum + blob.length, 0))
  let offset = 0
  for (const { blob } of parts) {
    bytes.set(blob, offset)
    offset += blob.length
  }
  return bytes
}

/** A snapshot whose reader has taken nothing yet, and which waits for that. */
async function stalled(shard: Stub): Promise<SessionClient> {
  const client = await SessionClient.open(shard)
  client.call(SNAPSHOT, {}, STREAM)
  await client.until(() => received(client) >= CREDIT_WINDOW_BYTES)
  return client
}

function rowsOfLog(shard: Stub): Promise<number> {
  return runInDurableObject(shard, (_, state) => {
    const [row] = state.storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM log').toArray()
    return row?.n ?? -1
  })
}

/** As often as the alarm comes until the rows are as many. */
async function untilRows(shard: Stub, rows: number): Promise<void> {
  while ((await rowsOfLog(shard)) !== rows) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

describe('Maintenance.Snapshot', () => {
  it('[SNP8] comes in blobs of 32 KiB that count down, and ends with their SHA-256', async () => {
    const client = await SessionClient.open(await filled('blobs', 3, 30_000))
    client.call(SNAPSHOT, {}, STREAM)
    const file = await readToEnd(client)
    const all = messages(client)
    const blobs = all.slice(0, -1)
    let left = file.length
    for (const { header, blob, remainingBytes, version } of blobs) {
      left -= blob.length
      expect({ header, remainingBytes, version }).toEqual({
        header: undefined,
        remainingBytes: left,
        version: '3.7.0',
      })
    }
    expect(blobs.slice(0, -1).every(({ blob }) => blob.length === 32 * 1024)).toBe(true)
    expect(file.length % 512).toBe(0)
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', file))
    expect(all.at(-1)).toEqual({
      header: undefined,
      remainingBytes: 0,
      blob: hash,
      version: '3.7.0',
    })
    expect(readBolt(file).get('key')?.length).toBe(6)
  })

  it('[SNP5] is of one revision, whatever is written and compacted while it is read', async () => {
    const shard = await filled('pinned', 30, 60_000)
    await ask(shard, LEASE_GRANT, grant(7n, 1000))
    const client = await stalled(shard)
    await ask(shard, PUT, put('k0', 'later'))
    await ask(shard, LEASE_GRANT, grant(8n, 1000))
    await ask(shard, COMPACT, compaction(62))
    const file = readBolt(await readToEnd(client))
    expect(file.get('key')?.length).toBe(60)
    expect(file.get('lease')?.length).toBe(1)
    expect(file.get('meta')?.map(({ key }) => new TextDecoder().decode(key))).not.toContain(
      'scheduledCompactRev',
    )
    // Nobody reads any more, so the compaction goes on: of each key one row is left.
    await untilRows(shard, 30)
  })

  it('[SNP7] a snapshot amid a compaction has the rows that are still to go', async () => {
    const shard = await filled('amid', 30, 60_000)
    const first = await stalled(shard)
    await ask(shard, COMPACT, compaction(61))
    const second = await stalled(shard)
    const file = readBolt(await readToEnd(second))
    expect(file.get('key')?.length).toBe(60)
    const meta = file.get('meta')?.map(({ key }) => new TextDecoder().decode(key))
    expect(meta).toContain('scheduledCompactRev')
    expect(meta).not.toContain('finishedCompactRev')
    expect((await readToEnd(first)).length).toBeGreaterThan(0)
  })

  it('[SNP10] waits for its reader, whom others do not wait for', async () => {
    const shard = await filled('slow', 40, 60_000)
    const client = await stalled(shard)
    client.call(RANGE, range('k0'), 6)
    await client.answer(6)
    expect(received(client)).toBeLessThan(CREDIT_WINDOW_BYTES + 4 * 33_000)
    expect(client.answers.has(STREAM)).toBe(false)
    expect(readBolt(await readToEnd(client)).get('key')?.length).toBe(80)
  })

  it('[SNP10] ends when its reader leaves, and holds up no compaction any more', async () => {
    const shard = await filled('left', 30, 60_000)
    const cancelled = await stalled(shard)
    const closed = await stalled(shard)
    await ask(shard, COMPACT, compaction(61))
    expect(await rowsOfLog(shard)).toBe(60)
    cancelled.frame(FrameKind.END, new Uint8Array(0), STREAM)
    closed.socket.close(1000)
    await untilRows(shard, 30)
    expect(cancelled.answers.has(STREAM)).toBe(false)
  })

  it('[SNP9] is for root while auth is on', async () => {
    const shard = await shardNamed('snapshot auth')
    const auth = <T>(method: string, request: object) =>
      ask<T>(shard, `/etcdserverpb.Auth/${method}` as MethodName, request)
    for (const name of ['root', 'alice']) {
      await auth('UserAdd', create(AuthUserAddRequest, { name, password: name }))
    }
    await auth('UserGrantRole', { user: 'root', role: 'root' })
    await auth('AuthEnable', {})
    const tokens = await Promise.all(
      ['root', 'alice'].map((name) =>
        auth<AuthenticateResponse>('Authenticate', { name, password: name }),
      ),
    )
    const client = await SessionClient.open(shard)
    const [root, alice, nobody] = [...tokens.map(({ token }) => token), undefined].map(
      (token, i) => {
        client.call(SNAPSHOT, {}, 20 + i, { token })
        return 20 + i
      },
    )
    await expect(client.answer(alice ?? 0)).rejects.toThrow('etcdserver: permission denied')
    await expect(client.answer(nobody ?? 0)).rejects.toThrow('etcdserver: user name is empty')
    await client.answer(root ?? 0)
    expect(client.parts.get(root ?? 0)?.length).toBeGreaterThan(1)
  })

  it('[SNP10] is answered over a session alone', async () => {
    const answer = await call(await shardNamed('snapshot by RPC'), SNAPSHOT, {})
    expect(answer).toEqual({
      refused: {
        code: Code.UNIMPLEMENTED,
        message: 'unknown method Snapshot for service etcdserverpb.Maintenance',
      },
    })
  })
})
