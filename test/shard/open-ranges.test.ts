import { describe, expect, it } from 'vitest'
import { decode, encode } from '../../src/protocol/binary.ts'
import { FrameKind } from '../../src/protocol/frames.ts'
import { RangeRequest, RangeResponse } from '../../src/protocol/generated/messages.ts'
import type { PageCursor } from '../../src/protocol/shard-rpc.ts'
import { OPEN_MS_MAX, OpenRanges } from '../../src/shard/open-ranges.ts'
import {
  ask,
  bytes,
  call,
  COMPACT,
  compaction,
  put,
  PUT,
  range,
  RANGE,
  shardNamed,
} from './calls.ts'
import { SessionClient } from './session-client.ts'

const OPEN_MAX = 10_000

describe('paged answers under way', () => {
  it('[SHD20] are kept until they end, each by itself, or for a minute after their last page', () => {
    const ended: (number | undefined)[] = []
    const open = new OpenRanges(100, ({ order }) => ended.push(order))
    const first = open.keep({ revision: 5, order: 1 }, 0)
    const second = open.keep({ revision: 5, order: 2 }, 0)
    const third = open.keep({ revision: 9 }, 0)
    expect(open.lowest(0)).toBe(5)
    open.end(first)
    open.end(first)
    expect([ended, open.lowest(0)]).toEqual([[1], 5])
    expect(open.keep({ revision: 5, order: 2, open: second }, OPEN_MS_MAX - 1)).toBe(second)
    expect(open.lowest(OPEN_MS_MAX)).toBe(5)
    // The third was not read again.
    expect([ended, open.count(OPEN_MS_MAX)]).toEqual([[1, undefined], 1])
    expect(open.keep({ revision: 9, open: third }, OPEN_MS_MAX)).not.toBe(third)
    expect(open.lowest(2 * OPEN_MS_MAX)).toBeUndefined()
    expect(open.count(2 * OPEN_MS_MAX)).toBe(0)
  })

  it('[SHD20] are bounded in number: that which was read longest ago is given up', () => {
    const ended: (number | undefined)[] = []
    const open = new OpenRanges(0, ({ order }) => ended.push(order))
    const first = open.keep({ revision: 1, order: 1 }, 0)
    for (let i = 2; i <= OPEN_MAX; i++) {
      open.keep({ revision: i, order: i }, 0)
    }
    open.keep({ revision: 1, order: 1, open: first }, 0)
    open.keep({ revision: 100_000, order: 100_000 }, 0)
    expect([open.count(0), ended, open.lowest(0)]).toEqual([OPEN_MAX, [2], 1])
  })

  it('[SHD20] let a compaction go on when the last page is read, and when the client has left', async () => {
    const shard = await shardNamed('open')
    const keys = Array.from({ length: 40 }, (_, i) => `k${String(i).padStart(2, '0')}`)
    const putAll = () =>
      Promise.all(keys.map((key) => ask(shard, PUT, put(key, key.repeat(20_000)))))
    const request = range('k', { rangeEnd: bytes('l') })
    const revisionNow = async (): Promise<number> => {
      const found = await ask<RangeResponse>(shard, RANGE, range('k00'))
      return found.header?.revision ?? 0
    }
    await putAll()
    const answer = await call(shard, RANGE, request)
    const client = await SessionClient.open(shard)
    client.call(RANGE, request, 10)
    await client.until(() => (client.parts.get(10)?.length ?? 0) >= 2)
    await putAll()
    const revision = await revisionNow()
    // Both answers hold it up.
    await ask(shard, COMPACT, compaction(revision, true))
    const old = async (cursor: PageCursor | undefined) =>
      cursor && shard.rangeNext(encode(RangeRequest, request), cursor, { administrator: true })
    let next = 'next' in answer ? answer.next : undefined
    expect(next?.open).toBeDefined()
    const pages: number[] = []
    let last = next
    while (next !== undefined) {
      last = next
      const page = await old(next)
      if (page === undefined || 'refused' in page) {
        throw new Error('a page that is pinned is refused')
      }
      pages.push(decode(RangeResponse, page.response).kvs.length)
      next = page.next
    }
    expect(pages.length).toBeGreaterThan(2)
    client.frame(FrameKind.END, new Uint8Array(0), 10)
    await ask(shard, PUT, put('other'))
    await ask(shard, COMPACT, compaction(revision + 1, true))
    expect(await old(last)).toMatchObject({ refused: { message: /compacted/ } })
  })
})
