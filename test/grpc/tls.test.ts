import { once } from 'node:events'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeAuthority, makeLeaf } from '../port/certificates.ts'
import { key, range } from './probes.ts'
import { framed, rawCall } from './raw-call.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'
import { serve, type Served } from './served.ts'

let served: Served
let url: string
let authority: string
const others: string[] = []
let stop = (): void => undefined

beforeAll(async () => {
  served = await serve(new ScriptedUpstream(), {}, (exchange) => {
    others.push(`${exchange.headers[':method']} ${exchange.headers[':path']}`)
    exchange.respond({ ':status': 200, 'content-type': 'application/json' })
    exchange.end('{}')
  })
  const signer = await makeAuthority('signer')
  authority = signer.cert
  const options = { ...(await makeLeaf(signer)), ALPNProtocols: ['h2'] }
  const listener = createServer(options, (socket) => served.server.accept(socket))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  url = `https://127.0.0.1:${(listener.address() as AddressInfo).port}`
  stop = () => listener.close()
})

afterAll(async () => {
  stop()
  await served.stop()
})

it('[GRC26] serves gRPC over TLS, and hands on what is none', async () => {
  const session = connect(url, { ca: authority })
  const call = { path: range, body: [framed(key)] }
  expect(await rawCall(session, call)).toMatchObject({ code: '0', http: 200 })
  expect(others).toEqual([])
  const json = { ...call, path: '/v3/kv/range', headers: { 'content-type': 'application/json' } }
  expect(await rawCall(session, json)).toMatchObject({ http: 200, type: 'application/json' })
  const get = { path: '/version', method: 'GET', headers: { 'content-type': undefined } }
  expect(await rawCall(session, get)).toMatchObject({ http: 200, type: 'application/json' })
  expect(others).toEqual(['POST /v3/kv/range', 'GET /version'])
  session.destroy()
})

it('[GRC26] takes all of a plaintext connection for gRPC', async () => {
  const get = { path: '/version', method: 'GET', headers: { 'content-type': undefined } }
  expect(await rawCall(served.connect(), get)).toMatchObject({ http: 415, code: '3' })
})
