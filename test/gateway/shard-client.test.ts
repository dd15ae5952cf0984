import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { administrator } from '../../src/door/visitor.ts'
import { ShardClient } from '../../src/gateway/shard-client.ts'
import { PutRequest, RangeRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { Code, RpcStatus } from '../../src/protocol/status.ts'
import { resetShard } from './watched-shard.ts'

const defaultAddress = { name: 'default', jurisdiction: undefined }

const RANGE = '/etcdserverpb.KV/Range'
const PUT = '/etcdserverpb.KV/Put'

const key = Uint8Array.of(97)
const context = { origin: 'http://test' }

/** A shard that fails so many calls as the platform does, before it answers. */
function failing(times: number, marks: object): { client: ShardClient; calls: () => number } {
  let calls = 0
  const shard = {
    callMany: (): Promise<unknown> => {
      calls++
      return calls <= times
        ? Promise.reject(Object.assign(new Error('platform'), marks))
        : Promise.resolve([{ response: new Uint8Array(0) }])
    },
  }
  const namespace = { getByName: () => shard } as unknown as Env['SHARD']
  const client = new ShardClient({ ...env, SHARD: namespace }, defaultAddress, administrator)
  return { client, calls: () => calls }
}

describe('a shard that went away under a call', () => {
  it('[GTW33] is asked again for what is only read', async () => {
    const client = new ShardClient(env, defaultAddress, administrator)
    await client.call(PUT, create(PutRequest, { key }), context)
    const reading = client.call(RANGE, create(RangeRequest, { key }), context)
    await resetShard()
    expect((await reading).response).toMatchObject({ count: 1 })
  })

  it('[GTW33] may have written or not, which the client is told', async () => {
    const client = new ShardClient(env, defaultAddress, administrator)
    await client.call(RANGE, create(RangeRequest, { key }), context)
    const writing = client.call(PUT, create(PutRequest, { key }), context)
    await Promise.all([
      resetShard(),
      expect(writing).rejects.toEqual(
        new RpcStatus(
          Code.UNAVAILABLE,
          'etcdserver: request timed out, possibly due to connection lost',
        ),
      ),
    ])
  })
})

// The platform does not do these here at a test's wish: its marks are those of its documentation.
describe('what the platform fails', () => {
  it.each([{ retryable: true }, { durableObjectReset: true }])(
    '[GTW33] is read again three times when marked %j',
    async (marks) => {
      const thrice = failing(3, marks)
      await thrice.client.call(RANGE, create(RangeRequest, { key }), context)
      expect(thrice.calls()).toBe(4)
      const always = failing(Infinity, marks)
      const reading = always.client.call(RANGE, create(RangeRequest, { key }), context)
      await expect(reading).rejects.toMatchObject({ code: Code.UNAVAILABLE })
      expect(always.calls()).toBe(4)
    },
  )

  it('[GTW33] is never written again', async () => {
    const once = failing(1, { retryable: true })
    const writing = once.client.call(PUT, create(PutRequest, { key }), context)
    await expect(writing).rejects.toMatchObject({ code: Code.UNAVAILABLE })
    expect(once.calls()).toBe(1)
  })

  it('[GTW33] for overload is not asked again, and says so', async () => {
    const once = failing(1, { overloaded: true, retryable: true })
    const reading = once.client.call(RANGE, create(RangeRequest, { key }), context)
    await expect(reading).rejects.toEqual(
      new RpcStatus(Code.RESOURCE_EXHAUSTED, 'etcdserver: too many requests'),
    )
    expect(once.calls()).toBe(1)
  })

  it('[GTW33] without a mark is a defect, and passed on as it is', async () => {
    const once = failing(1, { remote: true })
    const reading = once.client.call(RANGE, create(RangeRequest, { key }), context)
    await expect(reading).rejects.toMatchObject({ name: 'Error', message: 'platform' })
  })
})
