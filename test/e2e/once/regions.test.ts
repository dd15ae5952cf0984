import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConnectionLost } from '../../../src/host/connection-lost.ts'
import type { DurableObjectState } from '../../../src/host/durable-object-state.ts'
import type { WorkerModule } from '../../../src/host/host.ts'
import type { DurableObjectNamespace, Stub } from '../../../src/host/namespace.ts'
import { Regions } from '../../../src/host/regions.ts'
import { WorkerResponse } from '../../../src/host/response.ts'
import { WorkerWebSocket } from '../../../src/host/web-socket.ts'

interface Env {
  readonly PLACE: DurableObjectNamespace
  readonly HERE: string
}

/** What an object of the tests is asked. */
interface PlaceStub {
  where(): Promise<string>
  note(word: string): Promise<readonly string[]>
  store(word: string): Promise<void>
  stored(): Promise<readonly unknown[]>
  fail(): Promise<never>
  tell(other: string, word: string): Promise<void>
  dial(other: string, words: readonly string[]): Promise<void>
  lines(): Promise<readonly string[]>
}

/** An object that says in which region it is, and what it has heard. */
class Place {
  readonly [method: string]: unknown
  readonly #ctx: DurableObjectState
  readonly #env: Env
  readonly #notes: string[] = []
  #socket: WorkerWebSocket | undefined

  constructor(ctx: DurableObjectState, env: unknown) {
    this.#ctx = ctx
    this.#env = env as Env
  }

  where(): string {
    return this.#env.HERE
  }

  note(word: string): readonly string[] {
    this.#notes.push(word)
    return this.#notes
  }

  store(word: string): void {
    this.#ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS word (word TEXT)')
    this.#ctx.storage.sql.exec('INSERT INTO word VALUES (?)', word)
  }

  stored(): readonly unknown[] {
    return this.#ctx.storage.sql.exec('SELECT word FROM word').toArray()
  }

  fail(): never {
    throw new RangeError('as asked')
  }

  lines(): readonly string[] {
    return this.#notes
  }

  async tell(other: string, word: string): Promise<void> {
    await asked(this.#env.PLACE.getByName(other)).note(word)
  }

  /** Opens a socket, and writes and sends in one turn. */
  async dial(other: string, words: readonly string[]): Promise<void> {
    const headers = { Upgrade: 'websocket' }
    const response = await this.#env.PLACE.getByName(other).fetch('http://object/', { headers })
    const socket = response.webSocket
    if (socket === null) {
      throw new Error('no socket')
    }
    this.#socket = socket
    socket.addEventListener('message', (event) => {
      if (event.type === 'message') {
        this.#notes.push(`heard ${String(event.data)}`)
      }
    })
    socket.addEventListener('close', (event) => {
      if (event.type === 'close') {
        this.#notes.push(`closed ${event.code}`)
      }
    })
    socket.accept()
    for (const word of words) {
      this.store(word)
      this.#socket.send(word)
    }
  }

  async fetch(request: Request): Promise<WorkerResponse> {
    if (request.headers.get('Upgrade') === null) {
      return new WorkerResponse(`${this.where()} ${await request.text()}`)
    }
    const [client, server] = WorkerWebSocket.pair()
    server.addEventListener('message', (event) => {
      if (event.type === 'message') {
        this.#notes.push(String(event.data))
        server.send(`echo ${String(event.data)}`)
      }
    })
    server.addEventListener('close', (event) => {
      if (event.type === 'close') {
        this.#notes.push(`closed ${event.code}`)
      }
    })
    server.accept()
    return new WorkerResponse(null, { status: 101, webSocket: client })
  }
}

function asked(stub: unknown): PlaceStub & Pick<Stub, 'fetch'> {
  return stub as PlaceStub & Pick<Stub, 'fetch'>
}

/** The environment of the Worker in each region. */
const environments = new Map<string, Env>()

const worker: WorkerModule = {
  Place,
  default: {
    fetch: async (request, env) => {
      const here = env as Env
      environments.set(here.HERE, here)
      return WorkerResponse.json((request as { cf?: unknown }).cf)
    },
  },
}

const rtts: Readonly<Record<string, number>> = { 'enam-weur': 30, 'oc-weur': 120, 'enam-oc': 60 }
let directory: string
let regions: Regions

async function open(): Promise<void> {
  const names = ['weur', 'enam', 'oc']
  regions = await Regions.open({
    regions: new Map(
      names.map((name) => [
        name,
        {
          cf: { colo: name },
          host: {
            worker: async () => worker,
            storage: join(directory, name),
            namespaces: [{ binding: 'PLACE', className: 'Place', uniqueKey: 'place' }],
            diskFull: () => undefined,
            bindings: { HERE: name },
          },
        },
      ]),
    ),
    rttMs: (a, b) => rtts[[a, b].toSorted().join('-')] ?? 0,
    lostMs: 200,
  })
  for (const name of names) {
    await regions.fetch(name, new Request('http://host/'))
  }
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'regions-'))
  await open()
})

afterEach(() => {
  regions.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** The object as somebody in that region asks it. */
function from(region: string, object: string, locationHint?: string) {
  const env = environments.get(region)
  if (env === undefined) {
    throw new Error(`no region ${region}`)
  }
  return asked(env.PLACE.getByName(object, locationHint === undefined ? {} : { locationHint }))
}

async function socketFrom(region: string, object: string): Promise<WorkerWebSocket> {
  const { webSocket } = await from(region, object).fetch('http://object/', {
    headers: { Upgrade: 'websocket' },
  })
  if (webSocket === null) {
    throw new Error('no socket')
  }
  return webSocket
}

/** Asks until it is so. */
async function until(is: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await is())) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
  }
}

test('[REG1] an object is made where the first one to ask says, and stays there', async () => {
  expect(await from('weur', 'hinted', 'oc').where()).toBe('oc')
  expect(await from('enam', 'hinted', 'enam').where()).toBe('oc')
  expect(await from('oc', 'hinted').where()).toBe('oc')
  expect(await from('enam', 'plain').where()).toBe('enam')
  expect(await from('weur', 'plain').where()).toBe('enam')
  expect(await from('weur', 'nowhere', 'mars').where()).toBe('weur')
  await from('weur', 'hinted').store('kept')
  regions.stop()
  await open()
  expect(await from('weur', 'hinted').where()).toBe('oc')
  expect(await from('weur', 'hinted').stored()).toEqual([{ word: 'kept' }])
})

test('[REG2] what passes between regions takes its time, in its order', async () => {
  await Promise.all([
    from('oc', 'far').where(),
    from('enam', 'near').where(),
    from('weur', 'own').where(),
  ])
  const ends: string[] = []
  const far = from('weur', 'far')
  await Promise.all([
    far.where().then(() => ends.push('far')),
    from('weur', 'near')
      .where()
      .then(() => ends.push('near')),
    from('weur', 'own')
      .where()
      .then(() => ends.push('own')),
  ])
  expect(ends).toEqual(['own', 'near', 'far'])
  const words = Array.from({ length: 50 }, (_, place) => String(place))
  await Promise.all(words.map((word) => far.note(word)))
  expect(await far.lines()).toEqual(words)
  await expect(far.fail()).rejects.toThrow(RangeError)
  const response = await far.fetch('http://object/', { method: 'POST', body: 'asked' })
  expect(await response.text()).toBe('oc asked')
})

test('[REG2] a line that gets faster lets nothing overtake', async () => {
  const line = regions.line('weur', 'oc')
  await from('oc', 'far').where()
  const slow = from('weur', 'far').note('slow')
  line.rttMs = 0
  await from('weur', 'far').note('fast')
  await slow
  expect(await from('weur', 'far').lines()).toEqual(['slow', 'fast'])
})

test('[REG2] the messages of a socket pass in their order, and its end behind them', async () => {
  await from('oc', 'far').where()
  const socket = await socketFrom('weur', 'far')
  const heard: string[] = []
  socket.addEventListener('message', (event) => {
    heard.push(event.type === 'message' ? String(event.data) : '')
  })
  socket.accept()
  socket.send('one')
  socket.send('two')
  socket.close(4000, 'enough')
  await until(async () => (await from('oc', 'far').lines()).length === 3)
  expect(await from('oc', 'far').lines()).toEqual(['one', 'two', 'closed 4000'])
})

test('[REG3] what was sent into a cut arrives when that is over in time', async () => {
  await from('oc', 'far').where()
  const socket = await socketFrom('weur', 'far')
  socket.accept()
  regions.cutOff('oc', true)
  const calls = ['first', 'second', 'third'].map((word) => from('weur', 'far').note(word))
  socket.send('by socket')
  expect(await from('oc', 'far').lines()).toEqual([])
  regions.cutOff('oc', false)
  await Promise.all(calls)
  await until(async () => (await from('oc', 'far').lines()).includes('by socket'))
  const called = (await from('oc', 'far').lines()).filter((word) => word !== 'by socket')
  expect(called).toEqual(['first', 'second', 'third'])
})

test('[REG3] a cut that lasts fails calls, and breaks sockets at both ends', async () => {
  await from('oc', 'far').where()
  const socket = await socketFrom('weur', 'far')
  const codes: number[] = []
  socket.addEventListener('close', (event) => {
    codes.push(event.type === 'close' ? event.code : 0)
  })
  socket.accept()
  const before = from('weur', 'far').note('under way')
  regions.cutOff('oc', true)
  await expect(before).rejects.toThrow(ConnectionLost)
  await expect(from('weur', 'far').note('later')).rejects.toMatchObject({ retryable: true })
  expect(codes).toEqual([1006])
  expect(await from('oc', 'far').lines()).toEqual(['closed 1006'])
  expect(await from('weur', 'own').where()).toBe('weur')
  regions.cutOff('oc', false)
  expect(await from('weur', 'far').note('healed')).toEqual(['closed 1006', 'healed'])
})

test('[REG4] a region that crashes keeps what is on disk, and nothing else', async () => {
  await from('oc', 'far').store('kept')
  await from('oc', 'far').note('forgotten')
  const socket = await socketFrom('oc', 'far')
  socket.accept()
  const before = from('oc', 'far')
  regions.cutOff('weur', true)
  regions.crash('oc')
  await expect(async () => before.lines()).rejects.toThrow(/lost|failed/)
  await expect(regions.fetch('oc', new Request('http://host/'))).rejects.toThrow(ConnectionLost)
  await expect(from('enam', 'far').lines()).rejects.toThrow(ConnectionLost)
  await regions.start('oc')
  // Who was there before the crash wakes nothing of it.
  expect(() => socket.send('too late')).toThrow('after close')
  await expect(async () => before.lines()).rejects.toThrow(/lost|failed/)
  await regions.fetch('oc', new Request('http://host/'))
  expect(await from('enam', 'far').stored()).toEqual([{ word: 'kept' }])
  expect(await from('oc', 'far').lines()).toEqual([])
  await expect(from('weur', 'far').lines()).rejects.toThrow(ConnectionLost)
})

test('[REG5] a socket that an object opens is its own', async () => {
  await from('oc', 'far').where()
  await from('weur', 'caller').dial('far', ['a', 'b'])
  await until(async () => (await from('weur', 'caller').lines()).length === 2)
  expect(await from('weur', 'caller').lines()).toEqual(['heard echo a', 'heard echo b'])
  expect(await from('weur', 'caller').stored()).toEqual([{ word: 'a' }, { word: 'b' }])
  expect(await from('oc', 'far').lines()).toEqual(['a', 'b'])
  await from('weur', 'caller').tell('far', 'by call')
  regions.crash('weur')
  await until(async () => (await from('oc', 'far').lines()).includes('closed 1006'))
  expect(await from('oc', 'far').lines()).toEqual(['a', 'b', 'by call', 'closed 1006'])
})

test('[REG6] the Worker of a region is told where its requests come in', async () => {
  const response = await regions.fetch('enam', new Request('http://host/'))
  expect(await response.json()).toEqual({ colo: 'enam' })
})
