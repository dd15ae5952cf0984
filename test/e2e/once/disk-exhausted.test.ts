import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { base64, call, type HttpAnswer, parseObject, send } from '../http.ts'
import { startServer } from '../server.ts'
import { smallDisk } from '../small-disk.ts'

const [disk, workerdDisk] = [await smallDisk(16), await smallDisk(16)]

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

it.skipIf(workerdDisk === undefined)(
  '[DSK4] with workerd the cause has its name too, in refusals, health and one line of the log',
  async () => {
    const server = await startServer({
      dataDir: join(workerdDisk?.path ?? '', 'data'),
      flags: ['--runtime=workerd'],
    })
    onTestFinished(async () => {
      await server.stop()
      await workerdDisk?.remove()
    })
    const ask = async (path: string, key: string): Promise<readonly unknown[]> => {
      const body = JSON.stringify({ key: base64(key), value: base64('v'.repeat(2000)) })
      const answer = await send(server.url, { path, body })
      return [answer.status, parseObject(answer.body)['message']]
    }
    expect((await ask('/v3/kv/put', 'before'))[0]).toBe(200)
    await workerdDisk?.fill(0)
    const noSpace = [429, 'etcdserver: mvcc: database space exceeded']
    const perhaps = [503, 'etcdserver: request timed out, possibly because the disk is full']
    // The first that meets the disk is lost with the object, and the link comes back behind it.
    expect([noSpace, perhaps]).toContainEqual(await ask('/v3/kv/put', 'first'))
    await vi.waitFor(async () => expect(await ask('/v3/kv/deleterange', 'none')).toEqual(noSpace))
    for (let n = 0; n < 10; n++) {
      expect(await ask('/v3/kv/put', `full-${n}`)).toEqual(noSpace)
      expect(await ask('/v3/kv/deleterange', 'before')).toEqual(noSpace)
      expect((await ask('/v3/kv/range', 'before'))[0]).toBe(200)
    }
    const health = await send(server.url, { method: 'GET', path: '/health' })
    expect(parseObject(health.body)).toEqual({ health: 'false', reason: 'ALARM NOSPACE' })
    expect(server.log().match(/"level":"(warn|error)"/g)).toHaveLength(1)
    expect(server.log()).toMatch(/"the disk is full: what takes space is refused"/)
    await workerdDisk?.clear()
    await vi.waitFor(
      async () => expect((await ask('/v3/kv/deleterange', 'before'))[0]).toBe(200),
      10_000,
    )
  },
)
