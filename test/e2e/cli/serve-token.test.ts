import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { complaintOf, runCommand } from '../command.ts'
import { GrpcClient } from '../grpc-client.ts'
import { runtimeFlags } from '../runtime.ts'
import { type Server, startServer } from '../server.ts'

const SECRET = 'a-secret-of-this-test'

let directory: string
let server: Server
let grpc: GrpcClient

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-serve-token-'))
  await writeFile(join(directory, 'secret'), `${SECRET}\n`)
  server = await startServer({ flags: [`--token-file=${join(directory, 'secret')}`] })
  grpc = new GrpcClient(server.url)
})

afterAll(async () => {
  grpc.close()
  await server.stop()
  await rm(directory, { recursive: true })
})

const key = Buffer.from('a')

async function codeOf(metadata: Readonly<Record<string, string>>): Promise<number> {
  try {
    await grpc.call('/etcdserverpb.KV/Range', { key }, { metadata })
    return 0
  } catch (error) {
    return (error as ServiceError).code
  }
}

const asIs = (buffer: Buffer): Buffer => buffer
const json = (value: object): string => JSON.stringify(value)
const b64 = (text: string): string => Buffer.from(text).toString('base64')

describe('serve --token-file', () => {
  it('[DOR21] asks gRPC clients for a token, in whichever metadata, with Bearer or without', async () => {
    expect(await codeOf({})).toBe(16)
    expect(await codeOf({ authorization: 'Bearer other' })).toBe(16)
    for (const shown of [SECRET, `Bearer ${SECRET}`]) {
      expect(await codeOf({ authorization: shown })).toBe(0)
      expect(await codeOf({ token: shown })).toBe(0)
      expect(await codeOf({ authorization: shown, token: 'TBWN.39' })).toBe(0)
      expect(await codeOf({ authorization: 'Bearer TBWN.39', token: shown })).toBe(0)
    }
  })

  it('[DOR21] tells of its health without', async () => {
    const client = new Client(new URL(server.url).host, credentials.createInsecure())
    const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
      const path = '/grpc.health.v1.Health/Check'
      client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), (error, value) =>
        error === null ? resolve(value) : reject(error),
      )
    })
    client.close()
    expect(answer).toEqual(Buffer.from([8, 1]))
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
    expect((await fetch(`${server.url}/health`)).status).toBe(401)
  })

  it('[DOR21] carries the users of etcd on top: a request may bring both tokens', async () => {
    const admin = { metadata: { authorization: `Bearer ${SECRET}` } }
    await grpc.call('/etcdserverpb.Auth/UserAdd', { name: 'root', password: 'pw' }, admin)
    await grpc.call('/etcdserverpb.Auth/UserGrantRole', { user: 'root', role: 'root' }, admin)
    await grpc.call('/etcdserverpb.Auth/AuthEnable', {}, admin)
    const { token } = await grpc.call(
      '/etcdserverpb.Auth/Authenticate',
      { name: 'root', password: 'pw' },
      admin,
    )
    expect(await codeOf({ token })).toBe(16)
    expect(await codeOf({ authorization: `Bearer ${SECRET}` })).toBe(3)
    expect(await codeOf({ authorization: `Bearer ${SECRET}`, token })).toBe(0)
    const headers = { 'Authorization': `Bearer ${SECRET}`, 'Grpc-Metadata-Token': token }
    const body = '{"key":"YQ=="}'
    const response = await fetch(`${server.url}/v3/kv/range`, { method: 'POST', body, headers })
    expect(response.status).toBe(200)
    const both = { authorization: `Bearer ${SECRET}`, token }
    await grpc.call('/etcdserverpb.Auth/AuthDisable', {}, { metadata: both })
  })

  it('[DOR24] logs no token, password, key or value, whatever comes', async () => {
    const words = [
      'hush-key',
      'hush-value',
      'hush-password',
      'etcdurable_hush',
      'Bearer hush-token',
    ]
    const requests = [
      ['/v3/kv/put', json({ key: b64('hush-key'), value: b64('hush-value') })],
      ['/v3/kv/put', '{"key":"hush-key","value":"hush-value"'],
      ['/v3/auth/authenticate', json({ name: 'x', password: 'hush-password' })],
      ['/v3/auth/user/add', json({ name: 'x', password: 'hush-password'.repeat(9) })],
    ] as const
    for (const shown of [SECRET, 'etcdurable_hush', 'hush-token']) {
      for (const [path, body] of requests) {
        await fetch(`${server.url}${path}`, {
          method: 'POST',
          body,
          headers: { 'Authorization': `Bearer ${shown}`, 'Grpc-Metadata-Token': 'hush-token' },
        })
      }
      await codeOf({ authorization: `Bearer ${shown}`, token: 'hush-token' })
    }
    const metrics = await fetch(`${server.url}/metrics`, {
      headers: { Authorization: `Bearer ${SECRET}` },
    })
    const told = server.log() + (await metrics.text())
    expect(told).toContain('grpc_server_handled_total')
    for (const word of [...words, ...words.map(b64), SECRET, b64(SECRET)]) {
      expect(told).not.toContain(word)
    }
  })

  it('[DOR21] is refused where the file holds no token', async () => {
    await writeFile(join(directory, 'empty'), '\n')
    const empty = join(directory, 'empty')
    const data = `--data-dir=${join(directory, 'data')}`
    const refused = await runCommand([...runtimeFlags, `--token-file=${empty}`, data])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(complaintOf(refused.stderr)).toBe(
      `${empty} holds no token: it must be one line of printable characters`,
    )
  })
})
