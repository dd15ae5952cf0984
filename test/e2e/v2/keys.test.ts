import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Target } from '../target.ts'

let target: Target

beforeAll(async () => {
  target = await Target.start(['--enable-v2'])
})

afterAll(() => target.stop())

interface Answered {
  readonly status: number
  readonly index: number
  readonly text: string
}

async function ask(method: string, path: string, form?: string): Promise<Answered> {
  const response = await fetch(`${target.url}${path}`, {
    method,
    ...(form !== undefined && { body: new URLSearchParams(form) }),
  })
  const index = Number(response.headers.get('X-Etcd-Index'))
  return { status: response.status, index, text: await response.text() }
}

async function watchers(): Promise<number> {
  const { text } = await ask('GET', '/v2/stats/store')
  return (JSON.parse(text) as { watchers: number }).watchers
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await sleep(10)
  }
}

it('[V2K28][V2K10] all is there after a crash', async () => {
  const last = await ask('PUT', '/v2/keys/crash/a', 'value=1')
  await ask('PUT', '/v2/keys/crash/b', 'value=2')
  await ask('DELETE', '/v2/keys/crash/a')
  const before = await ask('GET', '/v2/keys/crash?recursive=true')
  await target.kill9()
  await target.restart()
  const after = await ask('GET', '/v2/keys/crash')
  expect(after.index).toBe(before.index)
  expect(after.text).toContain('"key":"/crash/b"')
  const past = await ask('GET', `/v2/keys/crash/a?wait=true&waitIndex=${last.index}`)
  expect(past.text).toBe(last.text)
})

it('[V2K6] what has a time to live goes after a crash too', async () => {
  const { index } = await ask('PUT', '/v2/keys/crash/ttl', 'value=2&ttl=3')
  await target.kill9()
  await target.restart()
  const expired = await ask('GET', `/v2/keys/crash/ttl?wait=true&waitIndex=${index + 1}`)
  expect(expired.text).toContain('"action":"expire"')
})

it('[V2K12][V2K24] one change wakes those of many that it concerns', async () => {
  const waiting = Array.from({ length: 200 }, async (_, at) => {
    const response = await fetch(`${target.url}/v2/keys/many/${at % 100}?wait=true`)
    return { at, text: response.text() }
  })
  const opened = await Promise.all(waiting)
  expect(await watchers()).toBe(200)
  await ask('PUT', '/v2/keys/many/7', 'value=x')
  for (const { at, text } of opened.filter((one) => one.at % 100 === 7)) {
    expect(JSON.parse(await text), String(at)).toMatchObject({ node: { key: '/many/7' } })
  }
  expect(await watchers()).toBe(198)
  await ask('DELETE', '/v2/keys/many?recursive=true')
  await Promise.all(
    Array.from({ length: 100 }, (_, at) => ask('PUT', `/v2/keys/many/${at}`, 'value=x')),
  )
  await Promise.all(opened.map(({ text }) => text))
  expect(await watchers()).toBe(0)
})

it('[V2K18] who leaves waits no more', async () => {
  const { port } = new URL(target.url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write('GET /v2/keys/gone?wait=true&stream=true HTTP/1.1\r\nHost: a\r\n\r\n')
  const [head] = (await once(socket, 'data')) as [Buffer]
  expect(head.toString()).toMatch(/^HTTP\/1\.1 200 OK\r\n.*X-Etcd-Index: \d+\r\n/s)
  expect(await watchers()).toBe(1)
  socket.destroy()
  await until(async () => (await watchers()) === 0)
})

it('[V2K27] a request gets the same answer whoever reads it', async () => {
  const { port } = new URL(target.url)
  const raw = async (head: string, body: string): Promise<string> => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(`${head}\r\nHost: a\r\n${body}`)
    let heard = ''
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString()
    })
    await until(async () => heard.includes('}\n') || (await Promise.resolve(false)))
    socket.destroy()
    const [headers = '', text = ''] = heard.split('\r\n\r\n')
    const told = headers
      .split('\r\n')
      .filter((line) => !/^(?:Date|X-Raft-Index|Connection)/.test(line))
    return [...told.toSorted(), text].join('\n')
  }
  await ask('PUT', '/v2/keys/ways', 'value=a')
  const type = 'Content-Type: application/x-www-form-urlencoded\r\n'
  for (const [line, form] of [
    ['PUT /v2/keys/ways?prevValue=zz HTTP/1.1', 'value=b'],
    ['PUT /v2/keys/ways?prevExist=x HTTP/1.1', 'value=b'],
    ['PUT /v2/keys/ways/below HTTP/1.1', 'value=%C3%A9'],
    ['PUT /v2/keys/ways?ttl=x HTTP/1.1', 'value=%'],
    ['POST /v2/keys/ways HTTP/1.1', 'value=x'],
  ] as const) {
    const plain = await raw(line, `${type}Content-Length: ${form.length}\r\n\r\n${form}`)
    const chunks = await raw(
      line,
      `${type}Transfer-Encoding: chunked\r\n\r\n${form.length.toString(16)}\r\n${form}\r\n0\r\n\r\n`,
    )
    expect(plain).toBe(chunks)
  }
})

it('[V2K23] HEAD tells how long the body is that it leaves out', async () => {
  await ask('PUT', '/v2/keys/head', 'value=x')
  for (const path of ['/v2/keys/head', '/v2/machines']) {
    const lengths = await Promise.all(
      ['GET', 'HEAD'].map(async (method) => {
        const response = await fetch(`${target.url}${path}`, { method })
        await response.arrayBuffer()
        return response.headers.get('Content-Length')
      }),
    )
    expect(lengths[1]).toBe(lengths[0])
    expect(lengths[1]).not.toBeNull()
  }
})

it('[V2K26][V2K1] each keyspace has a v2 tree of its own', async () => {
  const made = await fetch(`${target.url}/keyspaces`, {
    method: 'POST',
    body: JSON.stringify({ name: 'v2-other' }),
    headers: { 'Content-Type': 'application/json' },
  })
  expect(made.status).toBe(201)
  await ask('PUT', '/v2/keys/own', 'value=default')
  const other = await ask('PUT', '/keyspaces/v2-other/v2/keys/own', 'value=other')
  expect(other).toMatchObject({ status: 201, index: 4 })
  expect((await ask('GET', '/v2/keys/own')).text).toContain('"default"')
  const v3 = await fetch(`${target.url}/v3/kv/range`, {
    method: 'POST',
    body: '{"key":"AA==","range_end":"AA==","count_only":true}',
  })
  expect(await v3.text()).not.toContain('"count"')
})
