import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Browser, chromium } from '../browser.ts'
import { LabProcess } from '../lab-process.ts'

let lab: LabProcess
let page = ''

beforeAll(async () => {
  lab = await LabProcess.start(['weur', 'enam', 'apac', 'sam', 'oc', 'afr'])
  page = lab.page
})

afterAll(() => lab.stop())

test('[LAB4] clients of a region find the keyspace at its port', async () => {
  expect(lab.urls.size).toBe(6)
  const ask = async (region: string, method: string, body: object): Promise<unknown> => {
    const response = await fetch(`${lab.url(region)}/v3/kv/${method}`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    return response.json()
  }
  const [key, value] = [btoa('hello'), btoa('from Europe')]
  await ask('weur', 'put', { key, value })
  expect(await ask('oc', 'range', { key })).toMatchObject({ kvs: [{ key, value }] })
})

test("[LAB4] the deployment's API is beside the page", async () => {
  expect(await lab.ask('GET', '/keyspaces/lab')).toMatchObject({
    name: 'lab',
    state: 'ready',
    locationHint: 'weur',
  })
})

test("[LAB6] another site's page is refused, and so is a name that is not ours", async () => {
  const ask = (headers: Record<string, string>) =>
    fetch(`${page}experiment`, { method: 'POST', body: 'reads=0', headers })
  expect((await ask({ Origin: 'https://example.com' })).status).toBe(403)
  const port = new URL(page).port
  expect((await ask({ Origin: `http://127.0.0.1:${port}` })).status).toBe(200)
  expect((await fetch(`${page}page/../../cli/main.ts`)).status).toBe(404)
  expect((await fetch(`${page}recorder.ts`)).status).toBe(404)
})

test('[LAB6] the raw numbers come as CSV', async () => {
  await fetch(`${page}experiment`, { method: 'POST', body: 'leader=weur&writes=weur:20&reads=20' })
  for (let lines: readonly string[] = []; lines.length < 100;) {
    const response = await fetch(`${page}samples.csv`)
    expect(response.headers.get('content-type')).toBe('text/csv')
    lines = (await response.text()).trim().split('\n')
    expect(lines[0]).toMatch(/^time_ms,client_region,operation/)
    expect(
      lines.slice(1).every((line) => /^\d+,[a-z]+,[a-z]+,[\d.]+,\d+,\d+,".*"$/.test(line)),
    ).toBe(true)
  }
})

/** Whether a button of a region is pressed, as code for the page. */
function pressed(region: string, word: string): string {
  return `[...document.querySelectorAll('#region-${region} button')]
      .find((one) => one.textContent === '${word}').getAttribute('aria-pressed') === 'true'`
}

describe.skipIf(chromium === undefined)('in a browser', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await Browser.open(chromium ?? '')
    await browser.visit(page)
    await browser.until(`document.body?.dataset.ready === 'true'`)
  })

  afterAll(() => browser.close())

  test('[LAB4] the page shows each region with what its clients see', async () => {
    expect(await browser.run(`document.querySelectorAll('#rows .row').length`)).toBe(6)
    expect(await browser.run(`document.querySelectorAll('#map .region').length`)).toBe(6)
    await browser.until(
      `[...document.querySelectorAll('.figure.linearizable .value, .figure.serializable .value')]
        .every((one) => / ms · /.test(one.textContent))`,
    )
    await browser.until(`document.querySelectorAll('#write .seen').length === 6`)
    await browser.until(`Number(document.getElementById('revision').textContent) > 1`)
    expect(await browser.run(`document.getElementById('violations').textContent`)).toBe('0')
    expect(await browser.run(`document.getElementById('story').textContent`)).not.toBe('')
  })

  test('[LAB5] a region is cut off by keyboard, and is so for its clients', async () => {
    await browser.run(
      `[...document.querySelectorAll('#region-apac button')].find((one) => one.textContent === 'cut').focus()`,
    )
    await browser.press('Enter')
    await browser.until(pressed('apac', 'cut'))
    expect(await browser.run('location.hash')).toContain('cut=apac')
    await browser.until(
      `document.querySelector('#region-apac .figure.linearizable').classList.contains('fails')`,
    )
    expect(
      await browser.run(
        `document.querySelector('#region-apac .figure.serializable').classList.contains('works')`,
      ),
    ).toBe(true)
    await browser.until(`document.getElementById('story').textContent.includes('cut off')`)
    await browser.until(`document.querySelector('#map .region.cut') !== null`)
    await browser.press('Space')
    await browser.until(`!(${pressed('apac', 'cut')})`)
    await browser.until(
      `document.querySelector('#region-apac .figure.linearizable').classList.contains('works')`,
    )
  })

  test('[LAB5] a link does its experiment', async () => {
    await browser.visit(`${page}#leader=weur&slow=oc:300&writes=enam:5&reads=3`)
    await browser.until(pressed('oc', 'slow'))
    await browser.until(
      `document.querySelector('#region-enam .figure.write').classList.contains('works')`,
    )
    expect(await browser.run(`document.querySelector('#map .line.slow') !== null`)).toBe(true)
    await browser.visit(`${page}#leader=weur&stopped=sam&reads=3`)
    await browser.until(pressed('sam', 'stop'))
    await browser.until(
      `document.querySelector('#region-sam .figure.serializable').classList.contains('fails')`,
    )
    await browser.visit(`${page}#leader=weur&writes=weur:2&reads=3`)
    await browser.until(
      `document.querySelector('#region-sam .figure.serializable').classList.contains('works')`,
    )
  })

  test('[LAB5] the leader moves, and nothing is lost', async () => {
    await browser.run(
      `[...document.querySelectorAll('#region-enam button')].find((one) => one.textContent === 'lead').click()`,
    )
    await browser.until(`document.querySelector('#region-enam').dataset.role === 'leader'`)
    await browser.until(`document.querySelector('#region-weur').dataset.role === 'replica'`)
    await browser.until(
      `document.querySelector('#region-weur .figure.write').classList.contains('works')`,
    )
    for (const id of ['violations', 'lost']) {
      expect(await browser.run(`document.getElementById('${id}').textContent`), id).toBe('0')
    }
  })

  test('[LAB5] a leader whose region is down gives way to another one', async () => {
    await browser.visit(`${page}#leader=enam&stopped=enam&writes=oc:5&reads=3`)
    await browser.until(
      `document.querySelector('#region-oc .figure.write').classList.contains('fails') &&
        document.querySelector('#region-oc .figure.serializable').classList.contains('works')`,
    )
    await browser.visit(`${page}#leader=weur&stopped=enam&writes=oc:5&reads=3`)
    await browser.until(`document.querySelector('#region-weur').dataset.role === 'leader'`)
    await browser.until(
      `document.querySelector('#region-oc .figure.write').classList.contains('works')`,
    )
  })

  test('[LAB4] the browser asks nobody else, and has nothing to complain of', () => {
    expect(browser.complaints).toEqual([])
    const { origin } = new URL(page)
    expect(
      browser.requests.filter((url) => !url.startsWith(origin) && !url.startsWith('data:')),
    ).toEqual([])
  })
})
