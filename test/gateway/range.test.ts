import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { gateway } from '../../src/gateway/app.ts'
import { answer, ask, base64, post, put } from './client.ts'

const value = 'v'.repeat(100_000)
const keys = Array.from({ length: 30 }, (_, n) => `long/${String(n).padStart(2, '0')}`)

const everything = { key: base64('long/'), range_end: base64('long0') }

interface Range {
  readonly kvs: readonly { key: string; value: string; mod_revision: string }[]
  readonly count: string
}

const range = (request: object): Promise<Range> => answer<Range>('/v3/kv/range', request)

const keysOf = ({ kvs }: Range): string[] => kvs.map(({ key }) => atob(key))

beforeAll(async () => {
  for (const key of keys) {
    await put(key, value)
  }
})

describe('a range of more than a page', () => {
  it('[GTW13] comes whole, with count and header, and without a length', async () => {
    const response = await post('/v3/kv/range', everything)
    expect(response.headers.get('Content-Type')).toBe('application/json')
    expect(response.headers.has('Content-Length')).toBe(false)
    const text = await response.text()
    const whole = JSON.parse(text) as Range
    expect(keysOf(whole)).toEqual(keys)
    expect(whole.kvs.every((kv) => kv.value === base64(value))).toBe(true)
    expect(Object.keys(whole)).toEqual(['header', 'kvs', 'count'])
    expect(whole.count).toBe('30')
    expect(text).not.toMatch(/\s/)
  })

  it('[GTW13] says that there is more when a limit cut it', async () => {
    const whole = await range({ ...everything, limit: 25 })
    expect(keysOf(whole)).toEqual(keys.slice(0, 25))
    expect(whole).toMatchObject({ more: true, count: '30' })
    expect(Object.keys(whole)).toEqual(['header', 'kvs', 'more', 'count'])
  })

  it('[GTW13] comes in the order that was asked for', async () => {
    const byKey = { ...everything, sort_order: 'DESCEND' }
    expect(keysOf(await range(byKey))).toEqual(keys.toReversed())
    const byRevision = { ...byKey, sort_target: 'MOD' }
    expect(keysOf(await range(byRevision))).toEqual(keys.toReversed())
  })

  it('[GTW13] may have nothing to show on its first pages', async () => {
    const { kvs } = await range({ key: base64(keys.at(-1) ?? '') })
    const newest = { ...everything, min_mod_revision: kvs[0]?.mod_revision }
    const whole = await range(newest)
    expect(keysOf(whole)).toEqual(keys.slice(-1))
    const none = { ...everything, max_mod_revision: '1' }
    expect(Object.keys(await range(none))).toEqual(['header', 'count'])
  })

  it('[GTW14] is of one revision, whatever is written before it was read to the end', async () => {
    const response = await post('/v3/kv/range', everything)
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    let chunks = 0
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
      if (chunks === 0) {
        await put(keys.at(-1) ?? '', 'changed')
        await answer('/v3/kv/deleterange', { key: base64('long/28') })
      }
      chunks++
      text += next.value
    }
    expect(chunks).toBeGreaterThan(3)
    const whole = JSON.parse(text) as Range
    expect(keysOf(whole)).toEqual(keys)
    expect(whole.kvs.every((kv) => kv.value === base64(value))).toBe(true)
  })

  it('[GTW14] is read from the shard no faster than its client takes it', async () => {
    let pages = 0
    const counting = {
      getByName: (name: string) => {
        const shard = env.SHARD.getByName(name)
        return {
          callMany: (...calls: Parameters<typeof shard.callMany>) => shard.callMany(...calls),
          rangeNext: (...page: Parameters<typeof shard.rangeNext>) => {
            pages++
            return shard.rangeNext(...page)
          },
        }
      },
    }
    const response = await gateway.fetch(
      new Request('http://store.example.com/v3/kv/range', {
        method: 'POST',
        body: JSON.stringify(everything),
      }),
      { ...env, EMBEDDED: 'true', SHARD: counting as unknown as Env['SHARD'] },
    )
    await put('elsewhere', 'whatever')
    expect(pages).toBe(0)
    const reader = response.body?.getReader()
    await reader?.read()
    await put('elsewhere', 'whatever')
    expect(pages).toBe(0)
    await reader?.read()
    expect(pages).toBe(1)
    await reader?.cancel()
  })

  it('[GTW14] may be left by its client, whom the next one does not notice', async () => {
    const response = await post('/v3/kv/range', everything)
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel()
    expect((await ask('/health')).status).toBe(200)
  })
})
