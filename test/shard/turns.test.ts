import { afterEach, describe, expect, it, vi } from 'vitest'
import { decode, encode } from '../../src/protocol/binary.ts'
import { encodeFrames, FrameKind } from '../../src/protocol/frames.ts'
import { RangeResponse, TxnRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { Code } from '../../src/protocol/status.ts'
import type { BackgroundWork } from '../../src/shard/background.ts'
import { CommitQueue, nextTurn, TURN_WORK_MAX } from '../../src/shard/commit.ts'
import { Metrics } from '../../src/shard/metrics.ts'
import { Reply } from '../../src/shard/reply.ts'
import { Turn } from '../../src/shard/session/turn.ts'
import { Turns } from '../../src/shard/turns.ts'
import { ask, bytes, put, PUT, range, RANGE, shardNamed } from './calls.ts'
import { SessionClient } from './session-client.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a turn of writes', () => {
  it('[SHD22] does its part and lets others in; the rest goes on in the next ones, in order', async () => {
    let work = 0
    const done: (number | 'commit')[] = []
    const queue = new CommitQueue(
      () => work,
      () => done.push('commit'),
    )
    const answers = Array.from({ length: 5 }, (_, i) =>
      queue.submit(() => {
        work += TURN_WORK_MAX * 0.6
        done.push(i)
        return i
      }),
    )
    expect(await Promise.all(answers)).toEqual([0, 1, 2, 3, 4])
    expect(done).toEqual([0, 1, 'commit', 2, 3, 'commit', 4, 'commit'])
  })

  it('[SHD18] goes on behind a write that throws, and commits', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const done: string[] = []
    const queue = new CommitQueue(
      () => 0,
      () => done.push('commit'),
    )
    const before = queue.submit(() => done.push('before'))
    queue.enqueue({
      apply: () => {
        throw new RangeError('Invalid string length')
      },
    })
    const behind = queue.submit(() => done.push('behind'))
    await Promise.all([before, behind])
    await nextTurn()
    expect(done).toEqual(['before', 'behind', 'commit'])
    expect(logged).toHaveBeenCalledOnce()
  })
})

describe('what leaves at the end of a turn', () => {
  it('[SHD18] leaves also behind one that fails, which must not be taken for said', () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const turn = new Turn()
    const said: string[] = []
    turn.touch({
      flush: () => {
        throw new RangeError('Array buffer allocation failed')
      },
      lost: () => said.push('lost'),
    })
    turn.touch({ flush: () => said.push('said'), lost: () => said.push('lost too') })
    turn.end()
    turn.end()
    expect(said).toEqual(['lost', 'said'])
  })

  it('[SHD18] is a refusal where the answer cannot be encoded', () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const answers: unknown[] = []
    const caller = {
      gone: false,
      whenGone: () => undefined,
      answered: (answer: unknown) => answers.push(answer),
    }
    const metrics = new Metrics(0, 'basic')
    const reply = new Reply(metrics.of(RANGE), caller, {
      metrics,
      background: {} as BackgroundWork,
      member: undefined,
    })
    const broken = {
      get kvs(): never {
        throw new RangeError('Invalid array length')
      },
    }
    reply.answered(broken)
    expect(answers).toEqual([{ refused: { code: Code.INTERNAL, message: 'internal error' } }])
  })
})

describe('long reads', () => {
  it('[SHD19] share turns, first come, first served, and let others in', async () => {
    let work = 0
    const turns = new Turns(() => work)
    const seen: string[] = []
    const read = (name: string, page: number): void =>
      turns.wait(() => {
        work += 800
        seen.push(`${name}${page}`)
        if (page < 2) {
          read(name, page + 1)
        }
      })
    for (const name of ['a', 'b', 'c']) {
      read(name, 0)
    }
    while (seen.filter((each) => each !== '-').length < 9) {
      await nextTurn()
      seen.push('-')
    }
    expect(seen.filter((each) => each !== '-').join(' ')).toBe('a0 b0 c0 a1 b1 c1 a2 b2 c2')
    // Two of them are more than a turn reads.
    expect(seen.join('')).not.toMatch(/\d[abc]\d[abc]\d/)
  })

  it('[SHD19] go on behind one that throws', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const turns = new Turns(() => 0)
    turns.wait(() => {
      throw new RangeError('Invalid array length')
    })
    await new Promise<void>((resolve) => {
      turns.wait(resolve)
    })
  })

  it('[SHD19] a range that passes over the whole store is behind a put that came with it', async () => {
    const shard = await shardNamed('turns')
    const keys = Array.from({ length: 9000 }, (_, i) => `k${String(i).padStart(4, '0')}`)
    for (let i = 0; i < keys.length; i += 100) {
      const success = keys.slice(i, i + 100).map((key) => ({ requestPut: put(key) }))
      await ask(shard, '/etcdserverpb.KV/Txn', create(TxnRequest, { success }))
    }
    const client = await SessionClient.open(shard)
    const order: number[] = []
    client.socket.addEventListener('message', () => {
      for (const stream of client.answers.keys()) {
        if (!order.includes(stream)) {
          order.push(stream)
        }
      }
    })
    const nothing = range('k', { rangeEnd: bytes('l'), minModRevision: 1_000_000 })
    const sorted = range('k', { rangeEnd: bytes('l'), sortTarget: 3, sortOrder: 2, limit: 1 })
    client.parts.set(10, [])
    client.parts.set(11, [])
    client.parts.set(12, [])
    client.socket.send(
      encodeFrames([
        { kind: FrameKind.CALL, stream: 10, payload: client.callPayload(RANGE, nothing) },
        { kind: FrameKind.CALL, stream: 11, payload: client.callPayload(RANGE, sorted) },
        { kind: FrameKind.CALL, stream: 12, payload: client.callPayload(PUT, put('a')) },
      ]),
    )
    const none = decode(RangeResponse, await client.answer(10))
    const last = decode(RangeResponse, await client.answer(11))
    expect([none.count, none.kvs.length]).toEqual([keys.length, 0])
    expect(last.kvs.map(({ key }) => new TextDecoder().decode(key))).toEqual(['k8900'])
    expect(last.more).toBe(true)
    expect(order[0]).toBe(12)
    expect(encode(RangeResponse, none).length).toBeLessThan(100)
  })
})
