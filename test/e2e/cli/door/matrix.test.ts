import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { needOf } from '../../../../src/door/need.ts'
import { decode } from '../../../../src/protocol/binary.ts'
import { rpcMethods } from '../../../../src/protocol/generated/services.ts'
import type { MessageType } from '../../../../src/protocol/message-type.ts'
import type { MethodName } from '../../../../src/protocol/methods.ts'
import { type DeployedWorker, deployWorker } from '../../deployed.ts'
import { type Command, type Server, startBridge, startServer } from '../../server.ts'
import {
  byGrpc,
  byHttp,
  byJson,
  bySession,
  byWebSocket,
  get,
  grpcClient,
  type Outcome,
} from './outcomes.ts'
import { binaryRequest, ELECTION, methods } from './requests.ts'

const SECRET = 'a-secret-of-this-test'

/** Every kind of token that somebody may come with; undefined is none. */
interface Tokens {
  readonly 'none': undefined
  readonly 'garbage': string
  readonly 'garbage with our prefix': string
  readonly "another keyspace's": string
  readonly 'revoked': string
  readonly 'expired': string
  readonly 'read-only': string
  readonly 'read-write': string
  readonly "an administrator's": string
  readonly "a revoked administrator's": string
  readonly 'the secret': string
}

type Kind = keyof Tokens

const kinds: readonly Kind[] = [
  'none',
  'garbage',
  'garbage with our prefix',
  "another keyspace's",
  'revoked',
  'expired',
  'read-only',
  'read-write',
  "an administrator's",
  "a revoked administrator's",
  'the secret',
]

/** What becomes of a call to read; one to write differs for `read-only` alone. */
const expectedOfReading: Readonly<Record<Kind, Outcome>> = {
  'none': 'missing',
  'garbage': 'missing',
  'garbage with our prefix': 'invalid',
  "another keyspace's": 'invalid',
  'revoked': 'invalid',
  'expired': 'invalid',
  'read-only': 'passed',
  'read-write': 'passed',
  "an administrator's": 'passed',
  "a revoked administrator's": 'invalid',
  'the secret': 'passed',
}

function expectedOf(kind: Kind, method: MethodName): Outcome {
  const type: MessageType<object> = rpcMethods[method].request
  const need = needOf(method, decode(type, binaryRequest(method)))
  return kind === 'read-only' && need === 'write' ? 'read-only' : expectedOfReading[kind]
}

/** The same for what administrators alone may. A keyspace's token is not even looked at. */
function expectedOfManaging(kind: Kind): Outcome {
  const byKeyspace: readonly Kind[] = [
    "another keyspace's",
    'revoked',
    'expired',
    'read-only',
    'read-write',
  ]
  return byKeyspace.includes(kind) ? 'administrator' : expectedOfReading[kind]
}

async function ask(url: string, method: string, path: string, body?: object): Promise<unknown> {
  const headers = { Authorization: `Bearer ${SECRET}` }
  const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
  const response = await fetch(`${url}${path}`, init)
  const text = await response.text()
  if (!response.ok) {
    throw new Error(`${path}: ${response.status} ${text}`)
  }
  return text === '' ? undefined : JSON.parse(text)
}

async function makeTokens(url: string): Promise<Tokens> {
  const create = async (path: string, body: object = {}) =>
    (await ask(url, 'POST', path, body)) as { readonly id: string; readonly token: string }
  const ofDefault = '/keyspaces/default/tokens'
  await ask(url, 'POST', '/keyspaces', { name: 'other' })
  const expired = await create(ofDefault, { ttlSeconds: 1 })
  const revoked = await create(ofDefault)
  await ask(url, 'DELETE', `${ofDefault}/${revoked.id}`)
  const revokedAdministrator = await create('/tokens')
  await ask(url, 'DELETE', `/tokens/${revokedAdministrator.id}`)
  const readWrite = await create(ofDefault)
  // Long after its end, whatever the clocks of two processes are.
  await sleep(1500)
  return {
    'none': undefined,
    'garbage': 'TBWNqQcxAKDYknRE.39',
    'garbage with our prefix': `${readWrite.token.slice(0, -1)}~`,
    "another keyspace's": (await create('/keyspaces/other/tokens')).token,
    'revoked': revoked.token,
    'expired': expired.token,
    'read-only': (await create(ofDefault, { access: 'read-only' })).token,
    'read-write': readWrite.token,
    "an administrator's": (await create('/tokens')).token,
    "a revoked administrator's": revokedAdministrator.token,
    'the secret': SECRET,
  }
}

/** An observer hears of this one at once. */
async function elect(url: string): Promise<void> {
  const lease = (await ask(url, 'POST', '/v3/lease/grant', { TTL: 600 })) as { ID: string }
  const name = Buffer.from(ELECTION).toString('base64')
  await ask(url, 'POST', '/v3/election/campaign', { name, lease: lease.ID })
}

/** The cells in which something else came out than has to: none. */
async function surprises(
  expected: (method: MethodName) => Outcome,
  outcomes: (method: MethodName) => Promise<readonly Outcome[]>,
): Promise<readonly string[]> {
  const found: string[] = []
  let cells = 0
  for (const method of methods) {
    for (const outcome of await outcomes(method)) {
      cells++
      if (outcome !== expected(method)) {
        found.push(`${method}: ${outcome} instead of ${expected(method)}`)
      }
    }
  }
  // Snapshot and RangeStream are not everywhere; nearly all others are.
  expect(cells).toBeGreaterThan(methods.length - 3)
  return found
}

let directory: string
let server: Server
let worker: DeployedWorker
let grpc: Client
const tokensOf = new Map<string, Tokens>()
const urlOf = (start: string): string => (start === 'embedded' ? server.url : worker.url)

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-door-'))
  const secretFile = join(directory, 'secret')
  await writeFile(secretFile, `${SECRET}\n`)
  server = await startServer({ flags: [`--token-file=${secretFile}`] })
  worker = await deployWorker(SECRET)
  for (const start of ['embedded', 'deployed']) {
    await elect(urlOf(start))
    tokensOf.set(start, await makeTokens(urlOf(start)))
  }
  grpc = grpcClient(server.url)
}, 120_000)

afterAll(async () => {
  grpc.close()
  await server.stop()
  await worker.remove()
  await rm(directory, { recursive: true })
})

const tokenOf = (start: string, kind: Kind): string | undefined => tokensOf.get(start)?.[kind]

describe.each(['embedded', 'deployed'])('tokens and requests, %s', (start) => {
  it.each(kinds)('[DOR19] JSON with %s', async (kind) => {
    const token = tokenOf(start, kind)
    const found = await surprises(
      (method) => expectedOf(kind, method),
      (method) => byJson(urlOf(start), method, token),
    )
    expect(found).toEqual([])
  })

  it.each(kinds)('[DOR19] WebSocket with %s', async (kind) => {
    const token = tokenOf(start, kind)
    // A subprotocol is a token in HTTP's sense: it has no letter that garbage would need.
    const shown = kind === 'garbage with our prefix' ? token?.replace('~', '.') : token
    const found = await surprises(
      (method) => expectedOf(kind, method),
      (method) => byWebSocket(urlOf(start), method, shown),
    )
    expect(found).toEqual([])
  })

  it.each(kinds)('[DOR19] what is beside the calls, with %s', async (kind) => {
    const [url, token] = [urlOf(start), tokenOf(start, kind)]
    const expected = expectedOfReading[kind]
    const found: Record<string, Outcome> = {}
    for (const path of [
      '/health',
      '/readyz',
      '/livez/serializable_read',
      '/metrics',
      '/debug/vars',
    ]) {
      found[path] = await get(`${url}${path}`, token)
    }
    found['/session'] = await bySession(url, token)
    found['/keyspaces/default/metrics'] = await get(`${url}/keyspaces/default/metrics`, token)
    found['/keyspaces/default/v3'] = await get(`${url}/keyspaces/default/v3/kv/range`, token, '{}')
    expect(new Set(Object.values(found))).toEqual(new Set([expected]))
    for (const path of ['/version', '/livez']) {
      expect(await get(`${url}${path}`, token)).toBe('passed')
    }
  })

  it.each(kinds)('[DOR19] keyspaces and tokens, with %s', async (kind) => {
    const [url, token] = [urlOf(start), tokenOf(start, kind)]
    const headers = { Authorization: `Bearer ${token ?? ''}` }
    const outcomes = [
      await get(`${url}/keyspaces`, token),
      await get(`${url}/keyspaces`, token, '{"name":"other"}'),
      await get(`${url}/keyspaces/other`, token),
      await byHttp(`${url}/keyspaces/none`, { method: 'DELETE', headers }),
      await get(`${url}/keyspaces/default/tokens`, token),
      await get(`${url}/keyspaces/default/tokens`, token, '{"ttlSeconds":0}'),
      await byHttp(`${url}/keyspaces/default/tokens/${'0'.repeat(16)}`, {
        method: 'DELETE',
        headers,
      }),
      await get(`${url}/tokens`, token),
      await get(`${url}/tokens`, token, '{"ttlSeconds":0}'),
      await byHttp(`${url}/tokens/${'0'.repeat(16)}`, { method: 'DELETE', headers }),
      await byHttp(`${url}/tokens`, { method: 'PUT', headers }),
      await get(`${url}/openapi.json`, token),
    ]
    expect(outcomes).toEqual(outcomes.map(() => expectedOfManaging(kind)))
  })
})

describe('tokens and requests over gRPC', () => {
  it.each(kinds)('[DOR19] [DOR22] with %s', async (kind) => {
    const token = tokenOf('embedded', kind)
    const found = await surprises(
      // Who an administrator is cannot be asked over the link.
      (method) =>
        token?.startsWith('etcdurable_admin_') === true ? 'by link' : expectedOf(kind, method),
      (method) => byGrpc(grpc, method, token),
    )
    expect(found).toEqual([])
  })

  it.each([...kinds])(
    "[DOR20] at a bridge whose own token is read-write, with a client's %s",
    async (kind) => {
      const bridge = await bridgeWith('read-write')
      const client = grpcClient(bridge.url)
      try {
        const token = tokenOf('deployed', kind)
        const isOurs = token?.startsWith('etcdurable_') === true
        const found = await surprises(
          (method) => {
            if (token?.startsWith('etcdurable_admin_') === true) {
              return 'by link'
            }
            return isOurs ? expectedOf(kind, method) : 'passed'
          },
          async (method) => [
            ...(await byGrpc(client, method, token)),
            ...(isOurs && !token.includes('_admin_')
              ? await byJson(bridge.url, method, token)
              : []),
          ],
        )
        expect(found).toEqual([])
      } finally {
        client.close()
        await bridge.stop()
      }
    },
  )

  it('[DOR20] at a bridge whose own token is read-only', async () => {
    const bridge = await bridgeWith('read-only')
    const client = grpcClient(bridge.url)
    try {
      const found = await surprises(
        (method) => expectedOf('read-only', method),
        async (method) => [
          ...(await byGrpc(client, method, undefined)),
          ...(await byJson(bridge.url, method, undefined)),
        ],
      )
      expect(found).toEqual([])
    } finally {
      client.close()
      await bridge.stop()
    }
  })

  it.each(['expired', 'revoked', "another keyspace's", "a revoked administrator's"] as const)(
    '[DOR20] a bridge whose token is %s ends with a line that says so',
    async (kind) => {
      await expect(bridgeWith(kind)).rejects.toThrow(/it refuses the token \(HTTP 401\)/)
    },
  )
})

async function bridgeWith(kind: Kind): Promise<Command> {
  const tokenFile = join(directory, 'bridge')
  await writeFile(tokenFile, tokenOf('deployed', kind) ?? '')
  return startBridge({ upstream: worker.url, tokenFile })
}
