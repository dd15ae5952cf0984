import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { streamResponse } from '../../src/gateway/line-stream.ts'
import { Lines } from '../../src/gateway/lines.ts'
import { answer, ask, base64, LineReader, metric, post, put, until, Upload } from './client.ts'

const create = (key: string, options: object = {}): string =>
  JSON.stringify({ create_request: { key: base64(key), ...options } })

/** A line of a watch, or the part of it that a test looks at. */
const result = (fields: object): object => ({ result: fields })

const event = (value: string): object => result({ events: [{ kv: { value: base64(value) } }] })

interface OpenWatch {
  readonly upload: Upload
  readonly response: Promise<Response>
  /** Becomes true when the status and headers have come. */
  readonly answered: () => boolean
}

function open(path = '/v3/watch'): OpenWatch {
  const upload = new Upload()
  let answered = false
  const response = ask(path, { method: 'POST', body: upload.body }).finally(() => {
    answered = true
  })
  return { upload, response, answered: () => answered }
}

async function read(response: Response | Promise<Response>): Promise<LineReader> {
  const reader = new LineReader(await response)
  onTestFinished(() => reader.cancel())
  return reader
}

const openStreams = (): Promise<number> => metric('etcd_debugging_mvcc_watch_stream_total')

describe('a watch over HTTP', () => {
  it('[GTW15] reads requests while it answers', async () => {
    const { upload, response } = open()
    await upload.write(create('duplex/a'))
    const lines = await read(response)
    expect(await lines.json()).toMatchObject(result({ created: true }))
    await upload.write(create('duplex/b'))
    expect(await lines.json()).toMatchObject(result({ created: true, watch_id: '1' }))
    await put('duplex/b', 'b')
    expect(await lines.json()).toMatchObject(
      result({ watch_id: '1', events: [{ kv: { value: base64('b') } }] }),
    )
    await upload.write('{"cancel_request":{"watch_id":1}}')
    expect(await lines.json()).toMatchObject(result({ watch_id: '1', canceled: true }))
  })

  it('[GTW15] takes values cut anywhere', async () => {
    const { upload, response } = open()
    for (const piece of create('pieces').split('')) {
      await upload.write(piece)
    }
    expect(await (await read(response)).json()).toMatchObject(result({ created: true }))
  })

  it('[GTW16] goes on after the end of its input', async () => {
    const lines = await read(post('/v3/watch', `${create('end')}\n${create('end', {})}`))
    expect(await lines.json()).toMatchObject(result({ created: true }))
    expect(await lines.json()).toMatchObject(result({ created: true, watch_id: '1' }))
    await put('end', '1')
    expect(await lines.json()).toMatchObject(event('1'))
    expect(await lines.json()).toMatchObject(event('1'))
  })

  it('[GTW16] goes on after bad input, of which nothing is read any more', async () => {
    const { upload, response } = open()
    await upload.write(create('bad'))
    const lines = await read(response)
    await lines.json()
    await upload.write('{"create_request":{"key":"***"}}')
    await upload.write(create('bad'))
    await put('bad', '1')
    await put('bad', '2')
    expect(await lines.json()).toMatchObject(event('1'))
    expect(await lines.json()).toMatchObject(event('2'))
  })

  it.each(['garbage', 'null', '[]', '{"create_request":{"key":"***"}}', '{"progress_request":{}}'])(
    '[GTW17] sends nothing, not even a status, when it begins with %s',
    async (start) => {
      const { upload, response, answered } = open()
      await upload.write(start)
      await put('silence', 'whatever')
      expect(answered()).toBe(false)
      await upload.break()
      // The client that is told so is gone, which ends the wait of this test.
      expect((await response).status).toBe(499)
    },
  )

  it('[GTW17] sends status and headers with the first message', async () => {
    const { upload, response, answered } = open()
    await upload.write('{"progress_request":{}} {}')
    await put('silence', 'whatever')
    expect(answered()).toBe(false)
    await upload.write(create('silence'))
    const { status, headers } = await response
    expect(status).toBe(200)
    expect(headers.get('Content-Type')).toBe('application/json')
    expect(headers.get('Grpc-Metadata-Content-Type')).toBe('application/grpc')
    await (await read(response)).json()
  })

  it('[GTW18] is forgotten when its client leaves while it is answered', async () => {
    const before = await openStreams()
    const response = await post('/v3/watch', create('leave'))
    expect(await openStreams()).toBe(before + 1)
    await response.body?.cancel()
    await until(async () => (await openStreams()) === before)
  })

  it('[GTW18] is forgotten when its client leaves while it sends, be it garbage', async () => {
    const before = await openStreams()
    for (const last of ['', ' {bad']) {
      const { upload, response } = open()
      await upload.write(create('leave') + last)
      const lines = await read(response)
      await lines.json()
      expect(await openStreams()).toBe(before + 1)
      await upload.break()
      await until(async () => (await openStreams()) === before)
    }
  })

  it('[GTW18] costs the shard nothing before its first request', async () => {
    const before = await openStreams()
    const { upload, response } = open()
    await upload.write('garbage')
    await put('nothing', 'whatever')
    expect(await openStreams()).toBe(before)
    await upload.break()
    await response
  })

  it('[GTW19] that is read slowly loses nothing and holds up nobody', async () => {
    const lines = await read(post('/v3/watch', create('slow')))
    await lines.json()
    const values = Array.from({ length: 40 }, (_, n) => `${n} ${'x'.repeat(100_000)}`)
    for (const value of values) {
      await put('slow', value)
    }
    const seen: string[] = []
    while (seen.length < values.length) {
      const { result: message } = (await lines.json()) as {
        result: { events: { kv: { value: string } }[] }
      }
      seen.push(...message.events.map(({ kv }) => atob(kv.value)))
    }
    expect(seen).toEqual(values)
  })

  it('[GTW34] says so when the shard has gone, and can be opened again', async () => {
    const lines = await read(post('/v3/watch', create('gone')))
    await lines.json()
    const abort = runInDurableObject(env.SHARD.getByName('default'), (_, state) => {
      state.abort('moved')
    })
    await expect(abort).rejects.toThrow('moved')
    expect(await lines.next()).toBe('{"error":{"code":14,"message":"etcdserver: leader changed"}}')
    expect(await lines.next()).toBeUndefined()
    const again = await read(post('/v3/watch', create('gone')))
    expect(await again.json()).toMatchObject(result({ created: true }))
  })

  it('[GTW8] ends at its Grpc-Timeout with a line that says so', async () => {
    const lines = await read(post('/v3/watch', create('timeout'), { 'Grpc-Timeout': '2S' }))
    expect(await lines.json()).toMatchObject(result({ created: true }))
    expect(await lines.next()).toBe('{"error":{"code":4,"message":"context deadline exceeded"}}')
    expect(await lines.next()).toBeUndefined()
  })

  it('[GTW8] that had no message until then gets the status', async () => {
    const response = await post('/v3/watch', '{"progress_request":{}}', { 'Grpc-Timeout': '1m' })
    expect(response.status).toBe(504)
    expect(await response.text()).toBe(
      '{"error":{"code":4,"message":"context deadline exceeded"}}\n',
    )
  })
})

describe('a stream on which nothing happens', () => {
  it.each([
    [30_000, ' '],
    [0, '{"b":2}\n'],
  ])(
    '[GTW20] is sent spaces only where they are asked for: %s ms',
    async (spaceIntervalMs, next) => {
      vi.useFakeTimers()
      onTestFinished(() => {
        vi.useRealTimers()
      })
      let canceled = 0
      const lines = new Lines(() => {
        canceled++
      })
      lines.push('{"a":1}')
      const response = await streamResponse(lines, { headers: {}, spaceIntervalMs })
      const reader = response.body?.getReader()
      const text = async (): Promise<string> =>
        new TextDecoder().decode((await reader?.read())?.value as Uint8Array)
      expect(await text()).toBe('{"a":1}\n')
      const idle = text()
      await vi.advanceTimersByTimeAsync(300_000)
      lines.push('{"b":2}')
      expect(await idle).toBe(next)
      await reader?.cancel()
      expect(canceled).toBe(1)
    },
  )
})

const keepAlive = (body: string): Promise<Response> => post('/v3/lease/keepalive', body)

describe('keep-alive over HTTP', () => {
  it('[GTW21] answers a line for each request and ends with them', async () => {
    await answer('/v3/lease/grant', { ID: '77', TTL: '1000' })
    const lines = await read(keepAlive('{"ID":"77"}{}\n{"ID":"78"}'))
    expect(await lines.json()).toMatchObject(result({ ID: '77', TTL: '1000' }))
    for (const names of [['header'], ['header', 'ID']]) {
      const { result: missing } = (await lines.json()) as { result: object }
      expect(Object.keys(missing)).toEqual(names)
    }
    expect(await lines.next()).toBeUndefined()
  })

  it('[GTW21] answers each request when it comes', async () => {
    const { upload, response } = open('/v3/lease/keepalive')
    await upload.write('{"ID":"1"}')
    const lines = await read(response)
    expect(await lines.json()).toMatchObject(result({ ID: '1' }))
    const sent = upload.write('{"ID":"2"}')
    expect(await lines.json()).toMatchObject(result({ ID: '2' }))
    await sent
    await upload.end()
    expect(await lines.next()).toBeUndefined()
  })

  it.each(['', 'garbage', '{"ID":"x"}', 'null {"ID":"6"}', '{"ID":'])(
    '[GTW21] of "%s" is an empty answer',
    async (body) => {
      const response = await keepAlive(body)
      expect(response.status).toBe(200)
      expect(response.headers.has('Content-Type')).toBe(false)
      expect(await response.text()).toBe('')
    },
  )

  it('[GTW21] ends at bad input, though more could come', async () => {
    const { upload, response } = open('/v3/lease/keepalive')
    await upload.write('{"ID":"1"} bad')
    const lines = await read(response)
    expect(await lines.json()).toMatchObject(result({ ID: '1' }))
    expect(await lines.next()).toBeUndefined()
  })
})
