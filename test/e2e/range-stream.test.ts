import { afterAll, beforeAll, expect, it } from 'vitest'
import { GrpcClient } from './grpc-client.ts'
import { Target } from './target.ts'

let target: Target
let client: GrpcClient

beforeAll(async () => {
  target = await Target.start()
  client = new GrpcClient(target.url)
  const value = Buffer.from('v')
  for (let n = 0; n < 100; n++) {
    const key = Buffer.from(`k${String(n).padStart(3, '0')}`)
    await client.call('/etcdserverpb.KV/Put', { key, value })
  }
})

afterAll(async () => {
  client.close()
  await target.stop()
})

/** As etcd 3.7.1 answers it. */
it.each([
  [{}, [10, 20, 40, 30], { more: false, count: 100 }],
  [{ keysOnly: true, serializable: true }, [10, 20, 40, 30], { more: false, count: 100 }],
  [{ sortOrder: 1 }, [10, 20, 40, 30], { more: false, count: 100 }],
  [{ limit: 5 }, [5], { more: true, count: 100 }],
  [{ limit: 10 }, [10], { more: true, count: 100 }],
  [{ limit: 30 }, [10, 20], { more: true, count: 100 }],
  [{ limit: 50 }, [10, 20, 20], { more: true, count: 100 }],
  [{ limit: 100 }, [10, 20, 40, 30], { more: false, count: 100 }],
  [{ revision: 51 }, [10, 20, 20], { more: false, count: 50 }],
  [{ key: Buffer.from('k095') }, [5], { more: false, count: 5 }],
  [{ key: Buffer.from('k070') }, [10, 20], { more: false, count: 30 }],
  [{ countOnly: true }, [0], { more: false, count: 100 }],
])('[SHD17] a RangeStream of small keys is %j: %j', async (fields, sizes, told) => {
  const request = { key: Buffer.from('k'), rangeEnd: Buffer.from('l'), ...fields }
  const messages = await client.serverStream('/etcdserverpb.KV/RangeStream', request).all()
  expect(messages.map(({ rangeResponse }) => rangeResponse?.kvs.length)).toEqual(sizes)
  expect(messages.at(-1)?.rangeResponse).toMatchObject({ ...told, header: { revision: 101 } })
  const keys = messages.flatMap(({ rangeResponse }) => rangeResponse?.kvs ?? [])
  const whole = await client.call('/etcdserverpb.KV/Range', request)
  expect(keys).toEqual(whole.kvs)
})
