import { describe, expect, it } from 'vitest'
import { ask, base64, gatewayWith, post } from './client.ts'

const messageBytesMax = 2 * 1024 * 1024

const value = (length: number): string => base64('a'.repeat(length))

async function refused(response: Response): Promise<unknown> {
  return [response.status, await response.json()]
}

const tooLarge = (size: number): unknown => [
  429,
  { code: 8, message: `grpc: received message larger than max (${size} vs. ${messageBytesMax})` },
]

/** The request's other bytes: tag and length of the key, the key, tag and length of the value. */
const rangeOverhead = 5

describe('a message', () => {
  it('[GTW9] of 2 MiB is taken and of one byte more refused with its size in binary', async () => {
    const fits = await post('/v3/kv/range', { key: value(messageBytesMax - rangeOverhead + 1) })
    expect(fits.status).toBe(200)
    const request = { key: value(messageBytesMax - rangeOverhead + 2) }
    expect(await refused(await post('/v3/kv/range', request))).toEqual(
      tooLarge(messageBytesMax + 1),
    )
  })

  it('[GTW9] may come with megabytes of space around it', async () => {
    const body = `${' '.repeat(5_000_000)}{"key":"YQ=="}${' '.repeat(2_000_000)}`
    expect((await post('/v3/kv/range', body)).status).toBe(200)
  })

  it('[GTW9] of a stream is refused the same', async () => {
    const request = { create_request: { key: value(2_100_000) } }
    const response = await post('/v3/watch', request)
    expect(response.status).toBe(429)
    const [, error] = tooLarge(2_100_010) as [number, unknown]
    expect(await response.text()).toBe(`${JSON.stringify({ error })}\n`)
  })
})

describe('a body', () => {
  it('[GTW10] that is far too long is refused with its own size and without being kept', async () => {
    const length = 20_000_000
    const response = await post('/v3/kv/put', ' '.repeat(length))
    expect(await refused(response)).toEqual(tooLarge(length))
  })

  it('[GTW10] of unknown length is read to an end', async () => {
    const chunk = new TextEncoder().encode(' '.repeat(65_536))
    let left = 200_000
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        controller.enqueue(chunk)
        left--
        if (left === 0) {
          controller.close()
        }
      },
    })
    const response = await ask('/v3/kv/put', { method: 'POST', body: endless })
    expect(response.status).toBe(429)
    expect(left).toBeGreaterThan(190_000)
  })

  it('[GTW10] in chunks is put together', async () => {
    const pieces = ['{"key"', ':"cGll', 'Y2Vz"', '}']
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        pieces.forEach((piece) => controller.enqueue(new TextEncoder().encode(piece)))
        controller.close()
      },
    })
    const response = await ask('/v3/kv/range', { method: 'POST', body })
    expect(response.status).toBe(200)
  })

  it('[GTW10] that is missing is an empty request', async () => {
    const response = await ask('/v3/kv/range', { method: 'POST' })
    expect(await refused(response)).toEqual([
      400,
      { code: 3, message: 'etcdserver: key is not provided' },
    ])
  })
})

describe('--max-request-bytes', () => {
  it('[GTW11] moves the limit of messages with it', async () => {
    const small = gatewayWith({ EMBEDDED: 'true', ETCD_MAX_REQUEST_BYTES: '1000' })
    const body = JSON.stringify({ key: value(600_000) })
    const response = await small('/v3/kv/range', { method: 'POST', body })
    expect(await refused(response)).toEqual([
      429,
      { code: 8, message: 'grpc: received message larger than max (600004 vs. 525288)' },
    ])
  })
})

const nested = (depth: number): string =>
  `${'{"success":[{"request_txn":'.repeat(depth)}{}${'}]}'.repeat(depth)}`

describe('transactions within each other', () => {
  it('[GTW12] are refused as too many however deep they go', async () => {
    for (const depth of [129, 399, 401, 3_000]) {
      const response = await post('/v3/kv/txn', nested(depth))
      expect(await refused(response)).toEqual([
        400,
        { code: 3, message: 'etcdserver: too many operations in txn request' },
      ])
    }
  })
})
