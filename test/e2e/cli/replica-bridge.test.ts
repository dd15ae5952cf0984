// A bridge that serves a replica: gRPC there, by etcdctl and by a client of its own.
import { expect, it, onTestFinished } from 'vitest'
import { Etcdctl, etcdctlMissing } from '../etcdctl.ts'
import { GrpcClient } from '../grpc-client.ts'
import { send } from '../http.ts'
import { type Command, startBridge, startServer } from '../server.ts'

const missing = await etcdctlMissing()

async function bridgeAt(replica: string): Promise<Command> {
  const server = await startServer()
  onTestFinished(() => server.stop())
  const body = JSON.stringify({ region: 'weur' })
  await send(server.url, { path: '/keyspaces/default/replicas', body })
  const bridge = await startBridge({
    upstream: server.url,
    flags: [`--replica=${replica}`, '--listen-client-urls=http://127.0.0.1:0'],
  })
  onTestFinished(() => bridge.stop())
  return bridge
}

it('[RTE7] etcdctl reads, writes and watches at a replica', async ({ skip }) => {
  if (missing !== undefined) {
    skip(missing)
  }
  const bridge = await bridgeAt('weur')
  const etcdctl = await Etcdctl.of(bridge.url)
  const watch = etcdctl.start(['watch', 'a', '--rev=1'])
  await etcdctl.run(['put', 'a', '1'])
  expect(await etcdctl.run(['get', 'a'])).toBe('a\n1\n')
  await watch.until(/PUT\na\n1\n/)
  watch.kill()
  await expect
    .poll(() => etcdctl.run(['endpoint', 'status', '-w', 'json']), { timeout: 20_000 })
    .toContain('"isLearner":true')
  expect(await etcdctl.run(['txn'], { input: 'val("a") = "1"\n\nput a 2\n\n\n' })).toContain('OK')
  expect(await etcdctl.run(['get', 'a', '--consistency=l'])).toBe('a\n2\n')
})

it('[RTE4] min-revision is heard at the port of the server too', async () => {
  const server = await startServer()
  onTestFinished(() => server.stop())
  const ask = (minRevision: string) =>
    fetch(`${server.url}/v3/kv/range`, {
      method: 'POST',
      body: JSON.stringify({ key: 'YQ==' }),
      headers: { 'Min-Revision': minRevision },
    })
  expect((await ask('1')).status).toBe(200)
  expect(await (await ask('-1')).json()).toMatchObject({ code: 3 })
  expect(await (await ask('2')).json()).toMatchObject({ message: 'etcdserver: request timed out' })
})

it('[RTE7] min-revision goes with the metadata of a call', async () => {
  const bridge = await bridgeAt('weur')
  const client = new GrpcClient(bridge.url)
  onTestFinished(() => client.close())
  const key = Uint8Array.of(97)
  const { header } = await client.call('/etcdserverpb.KV/Put', { key, value: key })
  const revision = header?.revision ?? 0
  const { kvs } = await client.call(
    '/etcdserverpb.KV/Range',
    { key, serializable: true },
    { metadata: { 'min-revision': String(revision) } },
  )
  expect(kvs.map(({ modRevision }) => modRevision)).toEqual([revision])
  await expect(
    client.call('/etcdserverpb.KV/Range', { key }, { metadata: { 'min-revision': '1e3' } }),
  ).rejects.toMatchObject({ details: 'etcdurable: min-revision is no revision' })
  await expect(
    client.call(
      '/etcdserverpb.KV/Range',
      { key },
      { metadata: { 'min-revision': String(revision + 1) } },
    ),
  ).rejects.toMatchObject({ details: 'etcdserver: request timed out' })
})

it('[RTE7] --replica nearest is the leader where nobody knows what is near', async () => {
  const bridge = await bridgeAt('nearest')
  const client = new GrpcClient(bridge.url)
  onTestFinished(() => client.close())
  const { isLearner } = await client.call('/etcdserverpb.Maintenance/Status', {})
  expect(isLearner).toBe(false)
})
