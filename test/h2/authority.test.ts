import { once } from 'node:events'
import { connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { key, range } from '../grpc/probes.ts'
import { framed, rawCall } from '../grpc/raw-call.ts'
import { ScriptedUpstream } from '../grpc/scripted-upstream.ts'
import { serve, type Served } from '../grpc/served.ts'
import { makeAuthority, makeLeaf } from '../port/certificates.ts'

const url = 'http://127.0.0.1:2379'
const visible = Array.from({ length: 0x7f - 0x20 }, (_, place) => String.fromCharCode(0x20 + place))

let served: Served

beforeEach(async () => {
  served = await serve(new ScriptedUpstream())
})

afterEach(() => served.stop())

function callOf(authority: string, headers: Readonly<Record<string, string>> = {}) {
  return { path: range, body: [framed(key)], headers: { ':authority': authority, ...headers } }
}

describe('the authority of a call', () => {
  it('[GRA1] may have any visible character', async () => {
    const session = served.connect()
    for (const character of visible) {
      const answers = [
        await rawCall(session, callOf(`a${character}b`)),
        await rawCall(session, callOf(`a${character}b`)),
      ]
      for (const answer of answers) {
        expect({ character, ...answer }).toMatchObject({ character, code: '0', reset: 0 })
      }
    }
  })

  it('[GRA1] may be a URL over TLS', async () => {
    const signer = await makeAuthority('signer')
    const options = { ...(await makeLeaf(signer)), ALPNProtocols: ['h2'] }
    const listener = createServer(options, (socket) => served.server.accept(socket))
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    for (const authority of ['127.0.0.1', url, '#initially=[https://a:2379;https://b:2379]']) {
      const session = connect(`https://127.0.0.1:${port}`, { ca: signer.cert })
      for (let count = 0; count < 3; count++) {
        expect(await rawCall(session, callOf(authority))).toMatchObject({ code: '0' })
      }
      session.destroy()
    }
    listener.close()
  })

  it('[GRA1] may change while the dynamic table forgets it', async () => {
    const session = served.connect()
    for (let count = 0; count < 200; count++) {
      const answer = await rawCall(session, callOf(url, { 'x-filler': `${count}`.repeat(50) }))
      expect(answer).toMatchObject({ code: '0', reset: 0 })
    }
    for (const authority of ['#other', 'fine', url]) {
      expect(await rawCall(session, callOf(authority))).toMatchObject({ code: '0' })
    }
  })
})
