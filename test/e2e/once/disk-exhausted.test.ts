import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { base64, call, type HttpAnswer, parseObject, send } from '../http.ts'
import { startServer } from '../server.ts'
import { smallDisk } from '../small-disk.ts'

const disk = await smallDisk(16)

// Where no file system may be mounted there is no small one.
it.skipIf(disk === undefined)(
  '[DSK3] without a byte on the disk writes are refused by that name, and what was acknowledged stays',
  async () => {
    const server = await startServer({ dataDir: join(disk?.path ?? '', 'data') })
    onTestFinished(async () => {
      await server.stop()
      await disk?.remove()
    })
    const write = (path: string, key: string): Promise<HttpAnswer> =>
      send(server.url, {
        path,
        body: JSON.stringify({ key: base64(key), value: base64('v'.repeat(2000)) }),
      })
    const count = async (): Promise<unknown> => {
      const everything = { key: base64('\0'), range_end: base64('\0'), count_only: true }
      return (await call(server.url, '/v3/kv/range', everything))['count']
    }
    for (let n = 0; n < 10; n++) {
      expect(await write('/v3/kv/put', `before-${n}`)).toMatchObject({ status: 200 })
    }
    await disk?.fill(0)
    let acknowledged = 10
    const refused: HttpAnswer[] = []
    for (let n = 0; refused.length < 20; n++) {
      const answers = [
        await write('/v3/kv/put', `full-${n}`),
        await write('/v3/kv/deleterange', 'none'),
      ]
      acknowledged += answers[0]?.status === 200 ? 1 : 0
      refused.push(...answers.filter(({ status }) => status !== 200))
      expect(await count()).toBe(String(acknowledged))
    }
    const noSpace = { code: 8, message: 'etcdserver: mvcc: database space exceeded' }
    expect(refused.map(({ body }) => parseObject(body))).toEqual(refused.map(() => noSpace))
    expect(server.log().match(/"level":"(warn|error)"/g)).toHaveLength(1)
    await disk?.clear()
    await vi.waitFor(
      async () => expect((await write('/v3/kv/put', 'again')).status).toBe(200),
      10_000,
    )
    expect(await count()).toBe(String(acknowledged + 1))
  },
)
