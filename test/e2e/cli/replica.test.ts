import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Outcome, runCommand } from '../command.ts'
import { type Server, startServer } from '../server.ts'

let server: Server

beforeAll(async () => {
  server = await startServer()
})

afterAll(async () => {
  await server.stop()
})

const run = (...args: readonly string[]): Promise<Outcome> =>
  runCommand(['keyspace', ...args, `--endpoint=${server.url}`])

/** Over the server's own link, as gRPC goes. */
async function put(key: string): Promise<number> {
  const body = JSON.stringify({ key: btoa(key), value: btoa('v') })
  return (await fetch(`${server.url}/v3/kv/put`, { method: 'POST', body })).status
}

async function isFollowed(region: string): Promise<boolean> {
  const answer = await fetch(`${server.url}/keyspaces/default@${region}/v3/kv/range`, {
    method: 'POST',
    body: JSON.stringify({ key: btoa('a'), serializable: true }),
  })
  await answer.text()
  return answer.headers.get('etcdurable-replica') === region
}

const refused = (code: number, reason: string): Outcome => ({
  code,
  stdout: '',
  stderr: `etcdurable: ${reason}\n`,
})

describe('the command keyspace replica', () => {
  it('[LDR11] adds, lists, promotes and removes, and the server follows its keyspace', async () => {
    expect(await put('a')).toBe(200)
    expect((await run('replica', 'add', 'default', '--region', 'weur')).stdout).toBe(
      'Replica of default added in weur\n',
    )
    await run('replica', 'add', 'default', '--region=enam')
    expect((await run('replica', 'list', 'default')).stdout).toMatch(
      /^- +leader +2\nenam +\w+ +\d.*\nweur +\w+ +\d.*\n$/,
    )
    await expect.poll(() => isFollowed('weur'), { timeout: 20_000 }).toBe(true)
    expect((await run('replica', 'promote', 'default', '--region', 'weur')).stdout).toBe(
      'Keyspace default is led from weur, at revision 2\n',
    )
    expect(await put('b')).toBe(200)
    expect((await run('describe', 'default')).stdout).toMatch(
      /leader\.region: +weur\nleader\.epoch: +2\nleader\.revision: +3\nreplicas\.0\.region: +enam\n/,
    )
    expect((await run('replica', 'remove', 'default', '--region', 'enam')).stdout).toBe(
      'Replica of default in enam removed\n',
    )
    expect(JSON.parse((await run('replica', 'list', 'default', '-w', 'json')).stdout)).toEqual({
      leader: { region: 'weur', epoch: 2, revision: 3 },
      replicas: [],
    })
  })

  it('[LDR12] says in a line what is refused', async () => {
    expect(await run('replica', 'add', 'default', '--region', 'mars')).toEqual(
      refused(2, '--region takes one of wnam, enam, sam, weur, eeur, apac, oc, afr, me'),
    )
    expect(await run('replica', 'remove', 'default', '--region', 'oc')).toEqual(
      refused(1, 'the keyspace has no replica there'),
    )
    expect(await run('replica', 'promote', 'default')).toEqual(
      refused(2, 'keyspace replica promote takes --region, or --force for the furthest one'),
    )
    expect(await run('replica', 'list', 'none')).toEqual(refused(1, 'keyspace not found'))
  })
})
