import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { gateway } from '../../src/gateway/app.ts'
import { answer, base64, post, until } from './client.ts'

const NAME = 'near'

/** Asks as somebody in that place does. */
async function askFrom(
  cf: { readonly latitude: string; readonly longitude: string } | undefined,
  path: string,
  init: { readonly body?: object; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Response> {
  const { REQUEST_LIMIT: _, REFUSAL_LIMIT: __, ...unlimited } = env
  const { body, headers = {} } = init
  const request = new Request(new URL(path, 'http://store.example.com'), {
    method: body === undefined ? 'GET' : 'POST',
    ...(body !== undefined && { body: JSON.stringify(body) }),
    headers: { ...headers },
    ...(cf !== undefined && { cf }),
  })
  return gateway.fetch(request, { ...unlimited, EMBEDDED: 'true' })
}

const paris = { latitude: '48.9', longitude: '2.4' }
const newYork = { latitude: '40.7', longitude: '-74.0' }

const range = { key: base64('a') }
const replicaOf = (response: Response): string | null => response.headers.get('etcdurable-replica')

async function added(region: string): Promise<void> {
  const response = await post(`/keyspaces/${NAME}/replicas`, { region })
  expect(response.status).toBe(201)
  await until(async () => {
    const said = await env.REPLICA.getByName(`${NAME}@${region}`).report()
    return 'isWhole' in said && said.isWhole
  })
}

beforeAll(async () => {
  await post('/keyspaces', { name: NAME, locationHint: 'enam' })
  await answer(`/keyspaces/${NAME}/v3/kv/put`, { key: base64('a'), value: base64('1') })
  await added('weur')
  // The gateway has heard of them when it asks the next time.
  await askFrom(undefined, `/keyspaces/${NAME}@weur/version`)
})

describe('a request', () => {
  it('[RTE1] is answered by the replica that its path names, whatever it asks', async () => {
    const read = await askFrom(undefined, `/keyspaces/${NAME}@weur/v3/kv/range`, { body: range })
    expect(read.status).toBe(200)
    expect(replicaOf(read)).toBe('weur')
    expect(Number(read.headers.get('etcdurable-lag-revisions'))).toBe(0)
    expect(Number(read.headers.get('etcdurable-lag-ms'))).toBeGreaterThanOrEqual(0)
    const written = await askFrom(undefined, `/keyspaces/${NAME}@weur/v3/kv/put`, {
      body: { key: base64('b'), value: base64('2') },
    })
    expect(written.status).toBe(200)
    // It was the leader who has answered.
    expect(replicaOf(written)).toBeNull()
  })

  it('[RTE2] goes to no replica that there is not', async () => {
    for (const place of ['apac', 'mars', '', 'weur%20']) {
      const response = await askFrom(undefined, `/keyspaces/${NAME}@${place}/v3/kv/range`, {
        body: range,
      })
      expect(response.status, place).toBe(404)
      expect(await response.json()).toMatchObject({
        message: 'the keyspace has no replica there',
      })
    }
  })

  it('[RTE3] reads at whichever is nearest of leader and replicas, and writes at the leader', async () => {
    const path = `/keyspaces/${NAME}/v3/kv/range`
    expect(replicaOf(await askFrom(paris, path, { body: range }))).toBe('weur')
    expect(replicaOf(await askFrom(newYork, path, { body: range }))).toBeNull()
    expect(replicaOf(await askFrom(undefined, path, { body: range }))).toBeNull()
    const txn = { success: [{ requestRange: range }] }
    const txnPath = `/keyspaces/${NAME}/v3/kv/txn`
    expect(replicaOf(await askFrom(paris, txnPath, { body: txn }))).toBe('weur')
    const put = { requestPut: { key: base64('c'), value: base64('3') } }
    expect(replicaOf(await askFrom(paris, txnPath, { body: { success: [put] } }))).toBeNull()
  })

  it('[RTE3] watches there too', async () => {
    const body = { create_request: range }
    const response = await askFrom(paris, `/keyspaces/${NAME}/v3/watch`, { body })
    expect(replicaOf(response)).toBe('weur')
    const lines = linesOf(response)
    expect(await lines.next()).toMatchObject({ result: { created: true } })
    await answer(`/keyspaces/${NAME}/v3/kv/put`, { key: base64('a'), value: base64('seen') })
    expect(await lines.next()).toMatchObject({
      result: { events: [{ kv: { value: base64('seen') } }] },
    })
    await lines.cancel()
  })

  it('[RTE3] goes to the nearest one as a whole where its path says so', async () => {
    const path = `/keyspaces/${NAME}@nearest/v3/kv/range`
    expect(replicaOf(await askFrom(paris, path, { body: range }))).toBe('weur')
    expect(replicaOf(await askFrom(newYork, path, { body: range }))).toBeNull()
    expect(replicaOf(await askFrom(undefined, path, { body: range }))).toBeNull()
  })

  it('[RTE6] tells in metrics and in /readyz which replica answers, and its lag', async () => {
    const metrics = await (await askFrom(undefined, `/keyspaces/${NAME}@weur/metrics`)).text()
    expect(metrics).toMatch(/^etcdurable_replica_lag_revisions\{region="weur"\} \d+$/m)
    expect(metrics).toMatch(/^etcdurable_replica_lag_seconds\{region="weur"\} [\d.]+$/m)
    expect(metrics).toMatch(/^etcd_server_is_learner 1$/m)
    const ready = await askFrom(undefined, `/keyspaces/${NAME}@weur/readyz?verbose`)
    expect(await ready.text()).toMatch(
      /^\[\+\]replica ok: weur, \d+ revisions and \d+ ms behind the leader$/m,
    )
    const leader = await (await askFrom(undefined, `/keyspaces/${NAME}/metrics`)).text()
    expect(leader).not.toContain('etcdurable_replica_lag')
    expect(leader).toMatch(/^etcd_server_is_learner 0$/m)
  })

  it('[RTE4] is answered at the revision that it wants at least', async () => {
    const { header } = await answer<{ readonly header: { readonly revision: string } }>(
      `/keyspaces/${NAME}/v3/kv/put`,
      { key: base64('a'), value: base64('newer') },
    )
    for (const at of ['', '@weur']) {
      const response = await askFrom(undefined, `/keyspaces/${NAME}${at}/v3/kv/range`, {
        body: { ...range, serializable: true },
        headers: { 'min-revision': header.revision },
      })
      const { kvs } = await response.json<{ readonly kvs: readonly { readonly value: string }[] }>()
      expect(kvs.map(({ value }) => value)).toEqual([base64('newer')])
    }
  })

  it('[RTE4] waits for a revision that is to come, and gives up as etcd does', async () => {
    const path = `/keyspaces/${NAME}/v3/kv/range`
    const { header } = await answer<{ readonly header: { readonly revision: string } }>(path, range)
    const waiting = askFrom(undefined, path, {
      body: range,
      headers: { 'Grpc-Metadata-Min-Revision': String(Number(header.revision) + 1) },
    })
    await answer(`/keyspaces/${NAME}/v3/kv/put`, { key: base64('a'), value: base64('next') })
    expect((await waiting).status).toBe(200)
    const late = await askFrom(undefined, `/keyspaces/${NAME}@weur/v3/kv/range`, {
      body: range,
      headers: { 'min-revision': '999999' },
    })
    expect(late.status).toBe(503)
    expect(await late.json()).toMatchObject({ message: 'etcdserver: request timed out' })
  })

  it('[RTE4] names its revision in digits', async () => {
    const response = await askFrom(undefined, `/keyspaces/${NAME}/v3/kv/range`, {
      body: range,
      headers: { 'min-revision': 'newest' },
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      message: 'etcdurable: min-revision is no revision',
    })
  })

  it('[RTE5] goes to the leader when its replica is no more', async () => {
    const path = `/keyspaces/${NAME}/v3/kv/range`
    expect(replicaOf(await askFrom(paris, path, { body: range }))).toBe('weur')
    const removed = await gatewayDelete(`/keyspaces/${NAME}/replicas/weur`)
    expect(removed.status).toBe(204)
    const response = await askFrom(paris, path, { body: range })
    expect(response.status).toBe(200)
    expect(replicaOf(response)).toBeNull()
    const named = await askFrom(undefined, `/keyspaces/${NAME}@weur/v3/kv/range`, { body: range })
    expect(named.status).toBe(404)
  })
})

interface LineReader {
  next(): Promise<unknown>
  cancel(): Promise<void>
}

/** Its values, each from a line of its own. */
function linesOf({ body }: Response): LineReader {
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  const utf8 = new TextDecoder()
  let text = ''
  return {
    next: async () => {
      while (!text.includes('\n')) {
        const { value, done } = await reader.read()
        if (done) {
          throw new Error('the stream has ended')
        }
        text += utf8.decode(value, { stream: true })
      }
      const end = text.indexOf('\n')
      const line = text.slice(0, end)
      text = text.slice(end + 1)
      return JSON.parse(line) as unknown
    },
    cancel: () => reader.cancel(),
  }
}

function gatewayDelete(path: string): Promise<Response> {
  const request = new Request(new URL(path, 'http://store.example.com'), { method: 'DELETE' })
  const { REQUEST_LIMIT: _, REFUSAL_LIMIT: __, ...unlimited } = env
  return gateway.fetch(request, { ...unlimited, EMBEDDED: 'true' })
}
