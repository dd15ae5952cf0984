import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { S3Settings } from '../../src/config/snapshot-store.ts'
import { DirectoryStore } from '../../src/object-directory/directory-store.ts'
import { probe } from '../../src/object-store/probe.ts'
import { S3Store } from '../../src/object-store/s3-store.ts'
import type { S3Server } from '../oracle/s3-server.ts'
import { startVersityGw, versityGwMissing } from '../oracle/versitygw.ts'
import { runs } from '../runs.ts'
import { describeObjectStore, errorOf, newPrefix } from './contract.ts'
import { type Answer, type Asked, passOn, S3Proxy } from './s3-proxy.ts'

const bytes = new TextEncoder().encode('bytes')
let server: S3Server | undefined

beforeAll(async () => {
  server = await startVersityGw()
})

afterAll(() => server?.stop())

describeObjectStore(
  'a bucket of versitygw',
  async () => (server === undefined ? versityGwMissing : new S3Store(server.settings)),
  { large: runs(32), memory: () => process.memoryUsage().rss },
)

describe('a bucket of versitygw', () => {
  let settings: S3Settings
  let proxy: S3Proxy | undefined

  beforeEach((ctx) => {
    if (server === undefined) {
      return ctx.skip(versityGwMissing)
    }
    settings = server.settings
  })

  afterEach(() => proxy?.close())

  /** The store behind a line that does what `way` says. */
  async function openBehind(
    way: (asked: Asked, pass: (asked: Asked) => Promise<Answer>) => Promise<Answer | undefined>,
  ): Promise<S3Store> {
    proxy = await S3Proxy.start((asked) => way(asked, (changed) => passOn(settings, changed)))
    return new S3Store({ ...settings, endpoint: proxy.url })
  }

  it('[OBJ14] passes the probe, and has nothing of it', async () => {
    const store = new S3Store({ ...settings, prefix: `${newPrefix()}/` })
    expect(await probe(store)).toBe(undefined)
    expect((await store.list('')).objects).toEqual([])
  })

  it.each([
    ['if-none-match', 'it ignores the condition of a create (If-None-Match)'],
    ['if-match', 'it ignores the condition of a replace (If-Match)'],
  ])('[OBJ15] is refused by the probe without %s: %s', async (ignored, problem) => {
    const store = await openBehind(({ headers, ...asked }, pass) => {
      const { [ignored]: _, ...heeded } = headers
      return pass({ ...asked, headers: heeded })
    })
    expect(await probe(store)).toBe(problem)
  })

  it('[OBJ15] is refused by the probe where its lists are old', async () => {
    const old = new Map<string, Promise<Answer>>()
    const store = await openBehind((asked, pass) => {
      if (!asked.path.includes('list-type')) {
        return pass(asked)
      }
      const empty = asked.path.replace(/prefix=[^&]*/, 'prefix=nothing')
      const answer = old.get(asked.path) ?? pass({ ...asked, path: empty })
      old.set(asked.path, answer)
      return answer
    })
    expect(await probe(store)).toBe('it does not list what was just written')
  })

  it('[OBJ10] a create whose answer was lost is told so by the next', async () => {
    let lost = 0
    const store = await openBehind(async (asked, pass) => {
      const answer = await pass(asked)
      lost++
      return lost === 1 ? undefined : answer
    })
    const key = `${newPrefix()}/lost`
    expect(await errorOf(store.put(key, bytes, 'absent'))).toMatchObject({ retryable: true })
    expect(await store.put(key, bytes, 'absent')).toBe(false)
    expect((await store.get(key))?.bytes).toEqual(bytes)
  })

  it('[OBJ16] says what access it refuses, without the secret', async () => {
    const wrong = new S3Store({ ...settings, secretAccessKey: 'another-word' })
    const refused = await errorOf(wrong.put('a', bytes, 'absent'))
    expect(refused).toMatchObject({ retryable: false })
    expect(refused.message).toMatch(/: put a: status 403, SignatureDoesNotMatch: /)
    expect(refused.message).not.toMatch(/another-word|hidden-word/)
    const nowhere = new S3Store({ ...settings, bucket: 'no-such-bucket' })
    for (const error of [
      await errorOf(nowhere.get('a')),
      await errorOf(nowhere.put('a', bytes)),
      await errorOf(nowhere.put('a', bytes, { etag: '0' })),
      await errorOf(nowhere.list('')),
      await errorOf(nowhere.delete(['a'])),
    ]) {
      expect(error).toMatchObject({ retryable: false })
      expect(error.message).toMatch(/status 404, NoSuchBucket/)
    }
  })

  it('[OBJ20] its objects are read in a directory, and those of a directory in it', async () => {
    const store = new S3Store(settings)
    const folder = join(server?.bucketFolder ?? '', settings.prefix)
    const prefix = newPrefix()
    await store.put(`${prefix}/e000001/log/0`, bytes, 'absent')
    const copy = new DirectoryStore(folder)
    expect((await copy.get(`${prefix}/e000001/log/0`))?.bytes).toEqual(bytes)
    await copy.put(`${prefix}/e000001/log/1`, bytes, 'absent')
    copy.close()
    expect((await store.get(`${prefix}/e000001/log/1`))?.bytes).toEqual(bytes)
    expect((await store.list(prefix)).objects).toEqual((await copy.list(prefix)).objects)
  })
})
