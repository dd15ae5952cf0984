import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Follower } from './follower.ts'
import { base64, call, type HttpAnswer, type JsonObject, parseObject, send } from './http.ts'
import { type Server, startServer } from './server.ts'
import { type SmallDisk, smallDisk } from './small-disk.ts'

const MIB = 1024 * 1024
const disk = await smallDisk(64)
const NO_SPACE = { code: 8, message: 'etcdserver: mvcc: database space exceeded' }
const EVERYTHING = { key: base64('\0'), range_end: base64('\0') }
const FULL_LINE = /"the disk is full: what takes space is refused"/g

let server: Server

async function start({ path }: SmallDisk): Promise<void> {
  server = await startServer({ dataDir: join(path, 'data') })
}

beforeEach(() => disk && start(disk))

afterEach(async () => {
  await server?.stop()
  await disk?.remove()
})

function put(key: string, bytes: number): Promise<HttpAnswer> {
  const body = JSON.stringify({ key: base64(key), value: base64('v'.repeat(bytes)) })
  return send(server.url, { path: '/v3/kv/put', body })
}

const get = (path: string): Promise<HttpAnswer> => send(server.url, { method: 'GET', path })

async function keys(): Promise<readonly string[]> {
  const { kvs } = await call(server.url, '/v3/kv/range', { ...EVERYTHING, keys_only: true })
  return (kvs as readonly JsonObject[]).map(({ key }) =>
    Buffer.from(String(key), 'base64').toString(),
  )
}

/** Puts until three are refused. Adds the keys of those that are not, and answers the refusals. */
async function writeUntilFull(writer: string, stored: string[]): Promise<readonly JsonObject[]> {
  const refused: JsonObject[] = []
  for (let count = 0; refused.length < 3; count++) {
    const key = `${writer}-${count}`
    const { status, body } = await put(key, 20_000)
    if (status === 200) {
      stored.push(key)
    } else {
      refused.push(parseObject(body))
    }
  }
  return refused
}

async function revision(): Promise<number> {
  const { header } = await call(server.url, '/v3/kv/range', { ...EVERYTHING, count_only: true })
  return Number((header as JsonObject)['revision'])
}

// Where no file system may be mounted there is no small one.
it.skipIf(disk === undefined)(
  '[DSK1] [DSK2] on a full disk puts are refused by that name, all else goes on, and puts do when there is room',
  async () => {
    const follower = new Follower()
    follower.open(server.url)
    await disk?.fill(34 * MIB)
    const stored: string[] = []
    const writers = ['a', 'b', 'c', 'd'].map((writer) => writeUntilFull(writer, stored))
    const refused = (await Promise.all(writers)).flat()
    expect(stored.length).toBeGreaterThan(20)
    expect(refused).toEqual(refused.map(() => NO_SPACE))
    expect(await keys()).toEqual(stored.toSorted())

    const unhealthy = { health: 'false', reason: 'ALARM NOSPACE' }
    expect(parseObject((await get('/health')).body)).toEqual(unhealthy)
    expect(parseObject((await get('/health?exclude=NOSPACE')).body)).toMatchObject({
      health: 'true',
    })
    expect(await get('/readyz')).toMatchObject({
      status: 503,
      body: expect.stringContaining('[-]disk_space failed: the disk is full\n') as string,
    })
    const alarms = (action: string): Promise<JsonObject> =>
      call(server.url, '/v3/maintenance/alarm', { action, alarm: 'NOSPACE' })
    const { member_id: memberID } = (await alarms('GET'))['header'] as JsonObject
    await call(server.url, '/v3/maintenance/alarm', {
      action: 'DEACTIVATE',
      memberID,
      alarm: 'NOSPACE',
    })
    expect(await alarms('GET')).toMatchObject({ alarms: [{ memberID, alarm: 'NOSPACE' }] })
    expect(await call(server.url, '/v3/maintenance/status', {})).toMatchObject({
      errors: [expect.stringContaining('alarm:NOSPACE')],
    })
    const [gone = ''] = stored.splice(0, 1)
    await call(server.url, '/v3/kv/deleterange', { key: base64(gone) })

    await disk?.clear()
    await vi.waitFor(async () => expect((await put('again', 20_000)).status).toBe(200), 10_000)
    stored.push('again')
    expect(parseObject((await get('/health')).body)).toEqual({ health: 'true', reason: '' })
    expect(await get('/readyz')).toMatchObject({ status: 200, body: 'ok\n' })
    expect((await alarms('GET'))['alarms']).toBeUndefined()
    await follower.follow(await revision())
    follower.close()
    expect(follower.events).toHaveLength(stored.length + 2)
    expect(server.log().match(FULL_LINE)).toHaveLength(1)
    expect(server.log()).toMatch(/"the disk has room again"/)
    expect(server.log()).not.toMatch(/lost the link/)

    await server.stop()
    await start(disk as SmallDisk)
    expect(await keys()).toEqual(stored.toSorted())
  },
)
