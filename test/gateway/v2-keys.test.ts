import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { ask, type Client, gatewayWith, LineReader, until } from './client.ts'

const SECRET = 'correct horse'
const guarded = gatewayWith({ ETCDURABLE_TOKEN: SECRET })

const PREFIX = '/v2/keys'

interface Answered {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

async function send(
  method: string,
  path: string,
  form?: string,
  client: Client = ask,
): Promise<Answered> {
  const response = await client(PREFIX + path, {
    method,
    redirect: 'manual',
    ...(form !== undefined && {
      body: form,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    }),
  })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

beforeAll(async () => {
  await env.SHARD.getByName('default').configure({ enableV2: true })
})

describe('/v2/keys', () => {
  it('[V2K4][V2K22] makes, reads, changes and removes a key', async () => {
    const made = await send('PUT', '/crud', 'value=a')
    expect(made.status).toBe(201)
    expect(made.text).toMatch(
      /^\{"action":"set","node":\{"key":"\/crud","value":"a","modifiedIndex":\d+,"createdIndex":\d+\}\}\n$/,
    )
    const index = made.headers.get('X-Etcd-Index')
    expect(made.text).toContain(`"modifiedIndex":${index}`)
    expect(made.headers.get('X-Etcd-Cluster-Id')).toMatch(/^[\da-f]+$/)
    expect(Number(made.headers.get('X-Raft-Index'))).toBeGreaterThan(Number(index))
    expect(made.headers.get('X-Raft-Term')).toBe('2')
    const swapped = await send('PUT', '/crud', `value=b&prevValue=a&prevIndex=${index}`)
    expect(swapped.status).toBe(200)
    expect(swapped.text).toContain('"action":"compareAndSwap"')
    const failed = await send('PUT', '/crud?prevValue=x', 'value=c')
    expect(failed.status).toBe(412)
    expect(failed.text).toMatch(
      /^\{"errorCode":101,"message":"Compare failed","cause":"\[x != b\]","index":\d+\}\n$/,
    )
    expect((await send('PUT', '/crud', 'value=c&prevExist=false')).text).toContain(
      '"errorCode":105',
    )
    expect((await send('PUT', '/crud/below', 'value=c')).text).toContain('"cause":"/crud"')
    expect((await send('DELETE', '/crud?prevValue=b')).text).toContain('"compareAndDelete"')
    expect((await send('GET', '/crud/x')).text).toContain('"cause":"/crud"')
  })

  it('[V2K5] makes keys in their order', async () => {
    const first = await send('POST', '/queue', 'value=1')
    const second = await send('POST', '/queue', 'value=2')
    expect([first.status, second.status]).toEqual([201, 201])
    const { node } = JSON.parse((await send('GET', '/queue?sorted=true')).text) as {
      node: { nodes: { key: string; value: string }[] }
    }
    expect(node.nodes.map(({ value }) => value)).toEqual(['1', '2'])
    expect(node.nodes[0]?.key).toMatch(/^\/queue\/\d{20}$/)
  })

  it('[V2K4] leaves out what was written where that is asked for', async () => {
    const { text } = await send('PUT', '/bare?noValueOnSuccess=true', 'value=x')
    expect(text).toBe('{"action":"set"}\n')
  })

  it('[V2K23] answers HEAD without a body', async () => {
    await send('PUT', '/head', 'value=x')
    const got = await send('GET', '/head')
    const head = await send('HEAD', '/head')
    expect(head.text).toBe('')
    expect(head.headers.get('Content-Length')).toBe(String(got.text.length))
  })

  it.each([
    ['PUT', '/f?prevIndex=x', '', 203, 'invalid value for \\"prevIndex\\"'],
    ['PUT', '/f?waitIndex=-1&recursive=2', '', 203, 'invalid value for \\"waitIndex\\"'],
    ['PUT', '/f?recursive=2', '', 209, 'invalid value for \\"recursive\\"'],
    ['PUT', '/f?wait=true', '', 209, '\\"wait\\" can only be used with GET requests'],
    ['PUT', '/f', 'prevValue=', 201, '\\"prevValue\\" cannot be empty'],
    ['PUT', '/f', 'ttl=x', 202, 'invalid value for \\"ttl\\"'],
    ['PUT', '/f', 'prevExist=x', 209, 'invalid value for prevExist'],
    ['PUT', '/f', 'refresh=true&value=v&ttl=1', 211, 'A value was provided on a refresh'],
    ['PUT', '/f', 'refresh=true', 212, 'No TTL value set'],
    ['PUT', '/f', 'value=%zz', 210, 'invalid URL escape \\"%zz\\"'],
    ['PUT', '/f', 'value=a;b', 210, 'invalid semicolon separator in query'],
    ['GET', '/f?value=%', undefined, 210, 'invalid URL escape \\"%\\"'],
  ])('[V2K20] %s %s %j is refused with %d', async (...of) => {
    const [method, path, form, code, cause] = of
    const { status, text, headers } = await send(method, path, form)
    expect(status).toBe(400)
    expect(text).toContain(`{"errorCode":${code},`)
    expect(text).toContain(`"cause":"${cause}","index":0}`)
    expect(headers.get('X-Etcd-Index')).toBe('0')
  })

  it('[V2K31] takes a value of 1.5 MiB with its path, in whatever characters, and no longer one', async () => {
    const most = 1_572_864 - '/long'.length
    expect((await send('PUT', '/long', `value=${'x'.repeat(most)}`)).status).toBe(201)
    expect((await send('PUT', '/long', `value=${'x'.repeat(most)}`)).status).toBe(200)
    for (const value of ['x'.repeat(most + 1), '€'.repeat(600_000)]) {
      const { status, text } = await send('PUT', '/long', `value=${value}`)
      expect(status).toBe(400)
      expect(text).toContain('"cause":"http: POST too large"')
    }
    expect((await send('PUT', `/${'p'.repeat(66_000)}`, 'value=x')).status).toBe(400)
  })

  it('[V2K20] reads the form before the query, and only as a form', async () => {
    const { text } = await send('PUT', '/form?value=query&dir=false', 'value=a+b%21&value=second')
    expect(text).toContain('"value":"a b!"')
    const other = await ask(`${PREFIX}/form`, {
      method: 'PUT',
      body: 'value=x',
      headers: { 'Content-Type': 'text/plain' },
    })
    expect(await other.text()).toContain('"value":""')
  })

  it('[V2K21] redirects, does not find and does not allow as etcd does', async () => {
    const unclean = await send('GET', '//a/b?recursive=true')
    expect(unclean.status).toBe(301)
    expect(unclean.headers.get('Location')).toBe('/v2/keys/a/b?recursive=true')
    expect(unclean.text).toContain('Moved Permanently')
    const unknown = await ask('/v2/nothing')
    expect([unknown.status, await unknown.text()]).toEqual([404, '404 page not found\n'])
    const patched = await send('PATCH', '/a')
    expect([patched.status, patched.text]).toEqual([405, 'Method Not Allowed\n'])
    expect(patched.headers.get('Allow')).toBe('HEAD,GET,PUT,POST,DELETE')
  })
})

describe('who waits', () => {
  it('[V2K24][V2K12] is answered at once, and told of the change', async () => {
    const waits = await ask(`${PREFIX}/wait?wait=true`)
    expect(waits.headers.get('X-Etcd-Index')).toMatch(/^\d+$/)
    const reader = new LineReader(waits)
    await send('PUT', '/wait', 'value=now')
    expect(await reader.json()).toMatchObject({ action: 'set', node: { value: 'now' } })
    expect(await reader.next()).toBeUndefined()
  })

  it('[V2K10][V2K11] is answered from the history, or refused', async () => {
    const made = await send('PUT', '/past', 'value=then')
    const index = made.headers.get('X-Etcd-Index')
    const { text } = await send('GET', `/past?wait=true&waitIndex=${index}`)
    expect(text).toBe(made.text)
    const both = await send('GET', '/past?wait=true&quorum=true')
    expect(both.text).toContain('"action":"get"')
  })

  it('[V2K15] gets each change on a stream, until it leaves', async () => {
    const reader = new LineReader(await ask(`${PREFIX}/s?wait=true&stream=true&recursive=true`))
    for (const value of ['1', '2', '3']) {
      await send('PUT', `/s/${value}`, `value=${value}`)
      expect(await reader.json()).toMatchObject({ node: { key: `/s/${value}`, value } })
    }
    await reader.cancel()
  })
})

const as = (token: string): Client => {
  return (path, init) =>
    guarded(path, {
      ...init,
      headers: {
        ...(init?.headers as Record<string, string> | undefined),
        Authorization: `Bearer ${token}`,
      },
    })
}

describe('an access token', () => {
  let readOnly: { readonly token: { readonly id: string }; readonly text: string }
  const shard = env.SHARD.getByName('default')

  beforeAll(async () => {
    const created = await shard.createAccessToken({
      description: '',
      access: 'read-only',
      commonNames: false,
      expires: undefined,
    })
    if ('refused' in created) {
      throw new Error(created.refused.message)
    }
    readOnly = created
  })

  it('[V2K25] to read does not write, and who waits by it is ended with it', async () => {
    expect((await send('PUT', '/t', 'value=x', as(SECRET))).status).toBe(201)
    const bearer = as(readOnly.text)
    expect((await send('PUT', '/t', 'value=y', bearer)).status).toBe(403)
    expect((await send('GET', '/t', undefined, bearer)).text).toContain('"value":"x"')
    expect((await send('GET', '/t', undefined, guarded)).status).toBe(401)
    const waiting = await bearer(`${PREFIX}/t?wait=true`)
    const ended = waiting.text()
    await shard.revokeAccessToken(readOnly.token.id)
    expect(await ended).toBe('')
    expect((await bearer(`${PREFIX}/t?wait=true`)).status).toBe(401)
  })
})

it('[V2K6] what has a time to live goes by itself', async () => {
  const reader = new LineReader(await ask(`${PREFIX}/ttl?wait=true&stream=true`))
  await send('PUT', '/ttl', 'value=x&ttl=1')
  expect(await reader.json()).toMatchObject({ action: 'set', node: { ttl: 1 } })
  expect(await reader.json()).toMatchObject({ action: 'expire', prevNode: { value: 'x' } })
  await until(async () => (await send('GET', '/ttl')).status === 404)
  await reader.cancel()
})
