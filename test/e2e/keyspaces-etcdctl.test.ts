// The installed etcdctl at a bridge of one keyspace.
import { expect, it, onTestFinished } from 'vitest'
import { Etcdctl, etcdctlMissing } from './etcdctl.ts'
import { send } from './http.ts'
import { startBridge, startServer } from './server.ts'

const missing = await etcdctlMissing()

it('[KSP14] etcdctl is in the keyspace of its bridge', async ({ skip }) => {
  if (missing !== undefined) {
    skip(missing)
  }
  const server = await startServer()
  onTestFinished(() => server.stop())
  for (const name of ['blue', 'green']) {
    await send(server.url, { path: '/keyspaces', body: JSON.stringify({ name }) })
  }
  const bridge = await startBridge({
    upstream: server.url,
    flags: ['--keyspace=blue=http://127.0.0.1:0', '--keyspace=green=http://127.0.0.1:0'],
  })
  onTestFinished(() => bridge.stop())
  const [blue, green] = await Promise.all(bridge.urls.map((url) => Etcdctl.of(url)))
  await blue?.run(['put', 'colour', 'blue'])
  await green?.run(['put', 'other', 'x'])
  await green?.run(['put', 'colour', 'green'])
  expect(await blue?.run(['get', 'colour'])).toBe('colour\nblue\n')
  expect(await green?.run(['get', '', '--prefix', '--keys-only'])).toBe('colour\n\nother\n\n')
  expect(await blue?.run(['lease', 'list'])).toBe('found 0 leases\n')
  const watch = green?.start(['watch', 'colour', '--rev=1'])
  await watch?.until(/PUT\ncolour\ngreen\n/)
  watch?.kill()
  expect(await blue?.run(['endpoint', 'health'])).toContain('is healthy')
})
