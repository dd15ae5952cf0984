import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WatchCreateRequest } from '../../../src/protocol/generated/messages.ts'
import { create } from '../../../src/protocol/message-type.ts'
import {
  ask,
  BAD_TOKEN,
  DENIED,
  enableAuth,
  type Headers,
  login,
  NOBODY,
  read,
  watchOver,
} from '../auth-client.ts'
import { type DeployedWorker, deployWorker } from '../deployed.ts'
import { GrpcClient } from '../grpc-client.ts'
import { refusalOf } from '../grpc-streams.ts'
import { type Command, startBridge } from '../server.ts'

async function bridgeTo({ url, token }: DeployedWorker): Promise<Command> {
  const directory = await mkdtemp(join(tmpdir(), 'etcdurable-auth-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const tokenFile = join(directory, 'token')
  await writeFile(tokenFile, token)
  const bridge = await startBridge({ upstream: url, tokenFile })
  onTestFinished(() => bridge.stop())
  return bridge
}

describe('a deployed Worker', () => {
  let worker: DeployedWorker
  let own: Headers

  beforeAll(async () => {
    worker = await deployWorker()
    own = { Authorization: `Bearer ${worker.token}` }
    await enableAuth(worker.url, own)
  })

  afterAll(() => worker.remove())

  it("[AUT31] takes its own token and etcd's side by side, and neither for the other", async () => {
    const { url } = worker
    const alice = await login(url, 'alice', own)
    expect(await read(url, own)).toEqual(NOBODY)
    expect(await read(url, { ...own, 'Grpc-Metadata-Token': alice })).toBe('OK')
    expect(await read(url, { ...own, 'Grpc-Metadata-Token': 'TBWN.39' })).toEqual(BAD_TOKEN)
    expect(await read(url, { Authorization: alice })).toMatchObject({ code: 16 })
    expect(await read(url, { 'Authorization': alice, 'Grpc-Metadata-Token': worker.token })).toBe(
      'OK',
    )
    expect(await read(url, { 'Grpc-Metadata-Token': worker.token })).toEqual(NOBODY)
    expect(await read(url, { ...own, 'Grpc-Metadata-Token': worker.token })).toEqual(NOBODY)
    expect(await watchOver(url, ['Bearer', alice], own)).toEqual({ created: true })
    expect(await watchOver(url, ['Bearer', worker.token])).toMatchObject({
      cancel_reason: `rpc error: code = InvalidArgument desc = ${NOBODY.message}`,
    })
  })

  it('[AUT31] is sent both by a bridge, whose clients know only of the latter', async () => {
    const bridge = await bridgeTo(worker)
    const alice = await login(bridge.url, 'alice')
    expect(await read(bridge.url, {})).toEqual(NOBODY)
    expect(await read(bridge.url, { Authorization: alice })).toBe('OK')
    expect(await watchOver(bridge.url, ['Bearer', alice])).toEqual({ created: true })
    const client = new GrpcClient(bridge.url)
    onTestFinished(() => client.close())
    const options = { metadata: { token: alice } }
    await client.call('/etcdserverpb.KV/Range', { key: Buffer.from('a') }, options)
    const written = client.call('/etcdserverpb.KV/Put', { key: Buffer.from('a') }, options)
    expect(await refusalOf(written)).toEqual(DENIED)
  })

  it('[AUT39] that no longer knows a token ends the watch that a bridge would resume', async () => {
    const bridge = await bridgeTo(worker)
    const name = 'bob'
    const root = { ...own, 'Grpc-Metadata-Token': await login(worker.url, 'root', own) }
    await ask(worker.url, '/v3/auth/user/add', { name, password: name }, root)
    await ask(worker.url, '/v3/auth/user/grant', { user: name, role: 'a' }, root)
    const client = new GrpcClient(bridge.url)
    onTestFinished(() => client.close())
    const metadata = { token: await login(bridge.url, name) }
    const watch = client.stream('/etcdserverpb.Watch/Watch', { metadata })
    watch.send({ createRequest: create(WatchCreateRequest, { key: Buffer.from('a') }) })
    expect(await watch.next()).toMatchObject({ created: true, canceled: false })
    await ask(worker.url, '/v3/auth/user/delete', { name }, root)
    await worker.halt()
    await worker.start()
    expect(await refusalOf(watch.next())).toMatchObject({ code: 14 })
  })
})
