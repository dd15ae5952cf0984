import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Tick } from '../../../src/lab/told.ts'
import { Browser, chromium } from '../browser.ts'
import { deployWorker } from '../deployed.ts'
import { startServer } from '../server.ts'

const TOKEN = 'a-token-of-this-test'

interface Floor {
  readonly url: string
  remove(): Promise<void>
}

/** The Worker in the default runtime, where the command line names a token. */
async function onHost(): Promise<Floor> {
  const directory = mkdtempSync(join(tmpdir(), 'etcdurable-lab-'))
  const file = join(directory, 'token')
  writeFileSync(file, TOKEN, { mode: 0o600 })
  const server = await startServer({ flags: [`--token-file=${file}`, '--runtime=host'] })
  return {
    url: server.url,
    remove: async () => {
      await server.stop()
      rmSync(directory, { recursive: true })
    },
  }
}

/** Whether some operation of that kind has just succeeded there, or failed. */
function found(tick: Tick, region: string, kind: string, isGood: boolean): boolean {
  return tick.samples.some(
    (sample) =>
      sample.region === region && sample.kind === kind && (sample.error === '') === isGood,
  )
}

/** The page's, as code for it. */
function state(name: string): string {
  return `document.body?.dataset.state === '${name}'`
}

const floors: readonly (readonly [string, () => Promise<Floor>])[] = [
  ['on the host', onHost],
  ['as deployed, in workerd', () => deployWorker(TOKEN)],
]

describe.each(floors)('%s', (_, start) => {
  let floor: Floor

  beforeAll(async () => {
    floor = await start()
  })

  afterAll(() => floor.remove())

  beforeEach(({ task }) => (task.name.includes('link') ? undefined : post('end')))

  const ask = (path: string, init: RequestInit = {}, token = TOKEN) => {
    const headers = new Headers(init.headers)
    if (token !== '') {
      headers.set('Authorization', `Bearer ${token}`)
    }
    return fetch(`${floor.url}${path}`, { ...init, redirect: 'manual', headers })
  }
  const post = async (action: string, body = ''): Promise<string> => {
    const answer = await ask(`/lab/${action}`, { method: 'POST', body })
    expect(answer.status, action).toBe(200)
    return answer.text()
  }
  const keyspaces = async (): Promise<readonly string[]> => {
    const { keyspaces: all } = (await (await ask('/keyspaces')).json()) as {
      readonly keyspaces: readonly { readonly name: string }[]
    }
    return all.map(({ name }) => name)
  }

  /** Until the lab tells of it; each tick only once. */
  async function until(isSo: (tick: Tick) => boolean): Promise<Tick> {
    const response = await ask('/lab/events')
    let text = ''
    // Leaving the loop cancels the stream.
    for await (const part of response.body as AsyncIterable<Uint8Array>) {
      text += Buffer.from(part).toString()
      const messages = text.split('\n\n')
      text = messages.pop() ?? ''
      for (const message of messages) {
        const [, data] = /^event: tick\ndata: (.*)$/.exec(message) ?? []
        const tick = data === undefined ? undefined : (JSON.parse(data) as Tick)
        if (tick !== undefined && isSo(tick)) {
          return tick
        }
      }
    }
    throw new Error('the lab has ended')
  }

  test('[LAB7] the page is for everybody, and what is behind it for administrators', async () => {
    expect((await ask('/lab', {}, '')).headers.get('location')).toBe('/lab/')
    const page = await ask('/lab/', {}, '')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(await page.text()).not.toContain(TOKEN)
    expect(await (await ask('/lab/door', {}, '')).json()).toEqual({ needsToken: true })
    for (const [method, path] of [
      ['GET', 'events'],
      ['GET', 'samples.csv'],
      ['POST', 'start'],
      ['POST', 'end'],
      ['POST', 'crash-leader'],
    ] as const) {
      expect((await ask(`/lab/${path}`, { method }, '')).status, path).toBe(401)
      expect((await ask(`/lab/${path}`, { method }, 'wrong')).status, path).toBe(401)
    }
    const foreign = { method: 'POST', headers: { Origin: 'https://example.com' } }
    expect((await ask('/lab/start', foreign)).status).toBe(403)
    expect((await ask('/lab/recorder.ts')).status).toBe(404)
    expect(await keyspaces()).toEqual(['default'])
  })

  test('[LAB8] a lab is a keyspace of its own with a replica in each other region, and is gone with its end', async () => {
    const keyspace = await post('start', 'weur,enam,apac')
    expect(keyspace).toMatch(/^lab-[0-9a-f]{8}$/)
    expect((await ask('/lab/start', { method: 'POST', body: 'weur,enam' })).status).toBe(409)
    await until(({ regions }) =>
      Object.values(regions).every(({ role, revision }) => role !== 'none' && revision > 1),
    )
    const replicas = await (await ask(`/keyspaces/${keyspace}/replicas`)).json()
    expect(replicas).toMatchObject({ replicas: [{ region: 'apac' }, { region: 'enam' }] })
    await post('experiment', 'leader=weur&writes=enam:900&reads=900')
    expect(await post('experiment', 'writes=enam:900&reads=900')).toBe(
      'leader=weur&writes=enam:5&reads=10',
    )
    const { totals } = await until((tick) => found(tick, 'apac', 'linearizable', true))
    expect(totals.violations).toBe(0)
    expect((await (await ask('/lab/samples.csv')).text()).split('\n')[0]).toMatch(/^time_ms,client/)
    await post('end')
    expect(await keyspaces()).toEqual(['default'])
  })

  test('[LAB9] cuts, stops, slow lines and crashes are made by the objects themselves, and others never notice', async () => {
    await post('start', 'weur,enam,apac')
    await until(({ regions }) => Object.values(regions).every(({ role }) => role !== 'none'))
    await post('experiment', 'leader=weur&cut=apac&writes=weur:5&reads=10')
    await until(
      (tick) =>
        found(tick, 'apac', 'linearizable', false) &&
        found(tick, 'apac', 'serializable', true) &&
        (tick.regions['apac']?.lagRevisions ?? 0) > 5,
    )
    await post('experiment', 'leader=weur&slow=apac:300&writes=weur:5&reads=10')
    await until(({ samples }) =>
      samples.some(
        ({ region, kind, ms, error }) =>
          region === 'apac' && kind === 'linearizable' && ms >= 300 && error === '',
      ),
    )
    await post('experiment', 'leader=weur&stopped=enam&writes=weur:5&reads=10')
    await until(
      (tick) =>
        found(tick, 'enam', 'serializable', false) && found(tick, 'apac', 'linearizable', true),
    )
    await post('crash-leader')
    await post('experiment', 'leader=weur&writes=weur:5&reads=10')
    const { totals } = await until(
      (tick) => found(tick, 'weur', 'write', true) && found(tick, 'enam', 'linearizable', true),
    )
    expect(totals).toMatchObject({ violations: 0, lost: 0 })
    await post('end')
  })

  test('[LAB9] the leader moves without loss, and by force where it is cut off', async () => {
    await post('start', 'weur,enam,apac')
    await until(({ regions }) => Object.values(regions).every(({ role }) => role !== 'none'))
    await post('experiment', 'leader=enam&writes=enam:5,weur:5&reads=5')
    const moved = await until(
      (tick) =>
        tick.regions['enam']?.role === 'leader' &&
        tick.regions['weur']?.role === 'replica' &&
        found(tick, 'weur', 'write', true),
    )
    expect(moved.totals).toMatchObject({ violations: 0, lost: 0 })
    await post('experiment', 'leader=enam&stopped=enam&writes=apac:5&reads=5')
    await until(
      (tick) =>
        found(tick, 'apac', 'write', false) &&
        found(tick, 'apac', 'serializable', true) &&
        found(tick, 'enam', 'serializable', false),
    )
    await post('experiment', 'leader=apac&stopped=enam&writes=apac:5&reads=5')
    const forced = await until(
      (tick) =>
        tick.regions['apac']?.role === 'leader' &&
        found(tick, 'apac', 'write', true) &&
        found(tick, 'weur', 'linearizable', true),
    )
    expect(forced).toMatchObject({ totals: { violations: 0 }, passedOver: 'enam' })
    await post('experiment', 'leader=apac&writes=apac:5&reads=5')
    // From then on it may be asked by whoever has not heard of the new one, until it has heard of it itself.
    await until(
      (tick) =>
        tick.regions['enam']?.role === 'replica' &&
        tick.passedOver === '' &&
        found(tick, 'enam', 'linearizable', true),
    )
    await post('end')
    await expect.poll(keyspaces).toEqual(['default'])
  })

  describe.skipIf(chromium === undefined)('in a browser', () => {
    let browser: Browser

    beforeAll(async () => {
      browser = await Browser.open(chromium ?? '')
      await browser.visit(`${floor.url}/lab/#leader=weur&slow=oc:200&reads=3`)
    })

    afterAll(() => browser.close())

    test('[LAB7] the page asks for the token, keeps it in its tab alone, and starts the lab', async () => {
      await browser.until(state('locked'))
      await browser.run(
        `document.getElementById('token').value = '${TOKEN}'; document.querySelector('#token-form button').click()`,
      )
      await browser.until(state('idle'))
      expect(await browser.run('JSON.stringify(localStorage) + document.cookie')).not.toContain(
        TOKEN,
      )
      expect(await browser.run(`document.querySelectorAll('#choices input:checked').length`)).toBe(
        6,
      )
      await browser.run(`document.querySelector('#start-form button').click()`)
      await browser.until(`${state('running')} && document.body.dataset.ready === 'true'`)
      await browser.until(
        `[...document.querySelectorAll('.figure.linearizable .value, .figure.serializable .value')]
        .every((one) => / ms · /.test(one.textContent))`,
      )
      expect(await browser.run(`document.getElementById('deeds').textContent`)).toContain('Made:')
      expect(await browser.run(`document.getElementById('violations').textContent`)).toBe('0')
    })

    test('[LAB8] the experiment of the link is done, and the end is shown', async () => {
      await browser.until(`document.querySelector('#map .line.slow') !== null`)
      await browser.run(`document.getElementById('end').click()`)
      await browser.until(state('idle'))
      expect(await browser.run(`document.getElementById('ended').textContent`)).not.toBe('')
      await sleep(100)
      expect(browser.complaints).toEqual([])
      expect(
        browser.requests.filter(
          (url) => !/^(?:blob|data):/.test(url) && !url.startsWith(floor.url),
        ),
      ).toEqual([])
    })
  })
})
