import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../../oracle/free-port.ts'
import { complaintOf, runCommand } from '../command.ts'
import { runtimeFlags } from '../runtime.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-log-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

const main = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'start.js')

interface Said {
  readonly url: string
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
}

/** Starts a server, waits until it serves, stops it, and answers what it has said, by lines. */
async function saidWith(
  env: Readonly<Record<string, string>>,
  ...flags: readonly string[]
): Promise<Said> {
  const url = `http://127.0.0.1:${await freePort()}`
  const args = [`--listen-client-urls=${url}`, `--data-dir=${join(directory, 'data')}`]
  const child = spawn(process.execPath, [main, ...args, ...runtimeFlags, ...flags], {
    env: { ...process.env, ETCD_NOBODY_KNOWS: 'x', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = once(child, 'close')
  while (child.exitCode === null && !(await isLive(url))) {
    await sleep(20)
  }
  child.kill('SIGTERM')
  await ended
  expect(child.exitCode).toBe(0)
  return { url, stdout: linesOf(stdout), stderr: linesOf(stderr) }
}

async function isLive(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/livez`)).ok
  } catch (error) {
    // The port is not open yet.
    if (error instanceof TypeError) {
      return false
    }
    throw error
  }
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.trimEnd().split('\n')
}

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

/** An entry without its time, which is looked at. */
function entryOf(line: string): Readonly<Record<string, unknown>> {
  const { ts, ...entry } = JSON.parse(line) as Readonly<Record<string, unknown>>
  expect(ts).toMatch(time)
  return entry
}

const unknownVariable = 'unrecognized environment variable'

describe('the log', () => {
  it("[LOG1] is etcd's, from the first line to the ready line and beyond", async () => {
    const { url, stdout, stderr } = await saidWith({})
    expect(stdout).toEqual([])
    const entries = stderr.map(entryOf)
    expect(entries[0]).toEqual({
      level: 'warn',
      msg: unknownVariable,
      variable: 'ETCD_NOBODY_KNOWS',
    })
    expect(entries.slice(-2)).toEqual([
      { 'level': 'info', 'msg': 'ready to serve client requests', 'client-urls': [url] },
      {
        level: 'info',
        msg: 'serving client traffic insecurely; this is strongly discouraged!',
        traffic: 'grpc+http',
        address: url.replace('http://', ''),
      },
    ])
  })

  it('[LOG1] has what Node warns of too', async () => {
    const warning = "setInterval(() => process.emitWarning('odd'), 10).unref()"
    const env = { NODE_OPTIONS: `--import "data:text/javascript,${warning}"` }
    const { stderr } = await saidWith(env)
    // Before the log begins Node has the word.
    const entries = stderr.slice(stderr.findIndex((line) => line.startsWith('{'))).map(entryOf)
    expect(entries).toContainEqual({ level: 'warn', msg: 'odd', name: 'Warning' })
  })

  it('[LOG2] is in columns with --log-format console', async () => {
    const { url, stderr } = await saidWith({}, '--log-format=console', '--log-outputs=stderr')
    const columns = stderr.map((line) => line.split('\t'))
    expect(columns[0]?.slice(1)).toEqual([
      'warn',
      unknownVariable,
      '{"variable": "ETCD_NOBODY_KNOWS"}',
    ])
    expect(columns.at(-2)?.slice(1)).toEqual([
      'info',
      'ready to serve client requests',
      `{"client-urls": ["${url}"]}`,
    ])
    for (const [ts] of columns) {
      expect(ts).toMatch(time)
    }
  })

  it('[LOG3] goes where --log-outputs says, and a file is appended to', async () => {
    const file = join(directory, 'server.log')
    for (const starts of [1, 2]) {
      const { stdout, stderr } = await saidWith({}, `--log-outputs=${file},stdout,${file}`)
      expect(stderr).toEqual([])
      const written = linesOf(await readFile(file, 'utf8'))
      expect(written.slice(-stdout.length)).toEqual(stdout)
      const ready = written.filter((line) => line.includes('"ready to serve client requests"'))
      expect(ready.length).toBe(starts)
    }
  })

  it('[LOG3][CLI14] is silent with /dev/null, and below its level', async () => {
    const discarded = await saidWith({}, '--log-outputs=stderr,/dev/null')
    expect([...discarded.stdout, ...discarded.stderr]).toEqual([])
    const { stderr } = await saidWith({}, '--log-level=warn')
    expect(stderr.map(entryOf).map(({ level }) => level)).toEqual(['warn'])
  })

  it('[LOG4] that cannot be opened ends the start', async () => {
    const file = join(directory, 'nowhere', 'server.log')
    const { code, stdout, stderr } = await runCommand([`--log-outputs=${file}`])
    expect([code, stdout]).toEqual([1, ''])
    expect(complaintOf(stderr)).toBe(
      `cannot open the log output "${file}": no such file or directory`,
    )
  })

  it('[LOG4] that takes no more goes to standard error', async (context) => {
    if (!existsSync('/dev/full')) {
      context.skip('this system has no /dev/full')
    }
    const { stderr } = await saidWith({}, '--log-outputs=/dev/full')
    const lines = stderr.filter((line) => line.startsWith('{')).map(entryOf)
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'ready to serve client requests' }))
    expect(stderr[1]).toMatch(/^cannot write to \/dev\/full: .*no space left on device/)
  })
})
