import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { alternate, type BenchCase, type Figures } from './bench-case.ts'
import { fillAll } from './cases-fairness.ts'
import type { Contestant, Running } from './contestant.ts'
import { largeRequests, type LargeRequest } from './fairness-requests.ts'
import { runLoad } from './load.ts'
import { growthWhile } from './resident-memory.ts'

const CLIENTS = 32
const SECRET = 'the-secret-of-the-administrator'
const PASSWORD = 'password'

/** Of the large requests, those that change nothing. */
const changes = /^(Defragment|Compact|LeaseRevoke|DeleteRange)/

export const readOnlyLoad: BenchCase = {
  name: 'read-only',
  about: `${CLIENTS} clients who may only read, each with all the large reads in a loop: refusals, memory (--seconds)`,
  run: ({ contestants, rounds, seconds }) =>
    alternate(contestants, rounds, (contestant) => measure(contestant, seconds)),
}

async function measure(contestant: Contestant, seconds: number): Promise<Figures> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bench-read-only-'))
  try {
    const tokenFile = join(dataDir, 'secret')
    await writeFile(tokenFile, SECRET)
    const options = { dataDir: join(dataDir, 'data') }
    const requests = await use(await contestant.start(options), async (server) =>
      largeRequests(await fillAll(server)).filter(({ name }) => !changes.test(name)),
    )
    const load = { requests, seconds }
    const byToken = contestant.name.startsWith('etcdurable')
      ? await use(await contestant.start({ ...options, tokenFile }), async (server) =>
          loaded(server, 'token', await readOnlyToken(server), load),
        )
      : {}
    const byUser = await use(await contestant.start(options), async (server) =>
      loaded(server, 'user', await readersToken(server), load),
    )
    return { ...byToken, ...byUser }
  } finally {
    await rm(dataDir, { recursive: true })
  }
}

async function use<T>(server: Running, body: (server: Running) => Promise<T>): Promise<T> {
  try {
    return await body(server)
  } finally {
    await server.stop()
  }
}

async function loaded(
  { url, pid, bridgePid }: Running,
  who: 'token' | 'user',
  token: string,
  load: { readonly requests: readonly LargeRequest[]; readonly seconds: number },
): Promise<Figures> {
  const read = () => runLoad({ kind: 'read-loop', url, token, clients: CLIENTS, ...load })
  const { result, peak } = await growthWhile(pid, () => growthWhile(bridgePid, read))
  const { answered, bytes, refusedAlike, refusedOtherwise } = result.result
  for (const refusal of new Set(refusedOtherwise)) {
    console.error(`  refused by load: ${refusal}`)
  }
  return {
    [`by a ${who}: answered`]: answered,
    [`by a ${who}: MB/s`]: bytes / 1e6 / load.seconds,
    [`by a ${who}: refused, as without load`]: refusedAlike,
    [`by a ${who}: refused by load`]: refusedOtherwise.length,
    ...(peak !== undefined && { [`by a ${who}: server holds MB`]: peak / 1e6 }),
    ...(result.peak !== undefined && { [`by a ${who}: port holds MB`]: result.peak / 1e6 }),
  }
}

/** Of the deployment: an access token. */
async function readOnlyToken({ url }: Running): Promise<string> {
  const { token } = await post(
    `${url}/keyspaces/default/tokens`,
    { access: 'read-only' },
    { Authorization: `Bearer ${SECRET}` },
  )
  return String(token)
}

/** Of etcd: that of a user whose role may read every key. */
async function readersToken({ url }: Running): Promise<string> {
  const ask = (path: string, body: object) => post(`${url}/v3/auth/${path}`, body)
  const every = Buffer.from('\0').toString('base64')
  await ask('user/add', { name: 'root', password: PASSWORD })
  await ask('user/grant', { user: 'root', role: 'root' })
  await ask('user/add', { name: 'reader', password: PASSWORD })
  await ask('role/add', { name: 'readers' })
  const perm = { permType: 'READ', key: every, range_end: every }
  await ask('role/grant', { name: 'readers', perm })
  await ask('user/grant', { user: 'reader', role: 'readers' })
  await ask('enable', {})
  const { token } = await ask('authenticate', { name: 'reader', password: PASSWORD })
  return String(token)
}

async function post(
  url: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, unknown>>> {
  const type = { 'Content-Type': 'application/json' }
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...type, ...headers },
    body: JSON.stringify(body),
  })
  const answer = (await response.json()) as Readonly<Record<string, unknown>>
  if (!response.ok) {
    throw new Error(`${url}: ${JSON.stringify(answer)}`)
  }
  return answer
}
