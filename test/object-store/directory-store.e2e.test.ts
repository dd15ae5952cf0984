import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest'
import { DirectoryStore } from '../../src/object-directory/directory-store.ts'
import { smallDisk } from '../e2e/small-disk.ts'
import { findInstalled } from '../oracle/installed.ts'
import { runs } from '../runs.ts'
import { describeObjectStore, errorOf } from './contract.ts'
import { contentOf } from './named-content.ts'

const script = join(import.meta.dirname, 'directory-process.ts')
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'etcdurable-objects-'))
})

afterEach(() => rm(folder, { recursive: true }))

interface Running {
  readonly child: ChildProcess
  readonly said: readonly string[]
  readonly over: Promise<unknown>
}

function start(mode: string, name: string, under: readonly string[] = []): Running {
  const [command, ...args] = [...under, process.execPath, script, mode, folder, name]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const said: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => said.push(line))
  return { child, said, over: once(child, 'close') }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 1)
    })
  }
}

it('[OBJ21] what was answered is there after a SIGKILL, and nothing is there in part', async () => {
  const answered: string[] = []
  for (let round = 0; round < runs(12); round++) {
    const running = start('write', `r${round}`)
    await until(() => running.said.length > 5 + 7 * round)
    running.child.kill('SIGKILL')
    await running.over
    answered.push(...running.said)
  }
  const store = new DirectoryStore(folder)
  const listed: string[] = []
  for (let more = true; more;) {
    const after = listed.at(-1)
    const page = await store.list('', after === undefined ? {} : { after })
    listed.push(...page.objects.map(({ key }) => key))
    more = page.more
  }
  expect(answered.filter((key) => !listed.includes(key))).toEqual([])
  for (const key of listed) {
    expect((await store.get(key))?.bytes).toEqual(contentOf(key))
  }
})

it('[OBJ22] of processes that create a key or replace a content at once exactly one wins', async () => {
  const store = new DirectoryStore(folder)
  await store.put('count', new TextEncoder().encode('0'))
  const racing = ['a', 'b', 'c'].map((name) => ({ name, ...start('race', name) }))
  await Promise.all(racing.map(({ over }) => over))
  expect(racing.map(({ child }) => child.exitCode)).toEqual([0, 0, 0])
  const won = racing.flatMap(({ said, name }) => said.map((line) => [line, name] as const))
  expect(won.length).toBe(100)
  expect(new Set(won.map(([line]) => line)).size).toBe(100)
  for (const [line, name] of won) {
    const read = await store.get(`claims/${line.slice('won '.length)}`)
    expect(new TextDecoder().decode(read?.bytes)).toBe(name)
  }
  expect(new TextDecoder().decode((await store.get('count'))?.bytes)).toBe('150')
  store.close()
})

it('[OBJ23] a file is flushed before it has its name, and its folder before the put is answered', async (ctx) => {
  const strace = await findInstalled('strace', undefined)
  if (strace === undefined) {
    return ctx.skip('no strace in PATH')
  }
  const record = join(folder, 'record')
  const calls = 'trace=write,fdatasync,fsync,mkdir,link,rename,unlink,rmdir'
  const running = start('once', '', [strace, '-f', '-y', '-s', '200', '-o', record, '-e', calls])
  await running.over
  expect(running.said).toEqual(['begin', 'created', 'replaced', 'deleted'])
  const lines = (await readFile(record, 'utf8'))
    .split('\n')
    .filter((line) => !line.includes('= -1'))
  const place = (pattern: string, after = 0): number => {
    const call = new RegExp(pattern.replaceAll('FOLDER', folder))
    const at = lines.findIndex((line, index) => index > after && call.test(line))
    expect([pattern, at]).not.toEqual([pattern, -1])
    return at
  }
  const inOrder = (patterns: readonly string[]): void => {
    patterns.reduce((after, pattern) => place(pattern, after), 0)
  }
  inOrder([
    'write.*begin',
    'mkdir\\("FOLDER/a"',
    'fsync\\(\\d+<FOLDER>',
    'mkdir\\("FOLDER/a/b"',
    'fsync\\(\\d+<FOLDER/a>',
    'fdatasync\\(\\d+<FOLDER/a/b/~tmp-',
    'link\\("FOLDER/a/b/~tmp-.*", "FOLDER/a/b/created"',
    'fsync\\(\\d+<FOLDER/a/b>',
    'write.*created',
    'fdatasync\\(\\d+<FOLDER/a/b/~tmp-',
    'rename\\("FOLDER/a/b/~tmp-.*", "FOLDER/a/b/created"',
    'fsync\\(\\d+<FOLDER/a/b>',
    'write.*replaced',
    'unlink\\("FOLDER/a/b/created"',
    'fsync\\(\\d+<FOLDER/a/b>',
    'rmdir\\("FOLDER/a/b"',
    'write.*deleted',
  ])
})

it('[OBJ24] a full disk is told, may pass, and leaves nothing', async (ctx) => {
  const disk = await smallDisk(4)
  if (disk === undefined) {
    return ctx.skip('this user may mount no disk')
  }
  const store = new DirectoryStore(join(disk.path, 'objects'))
  try {
    const small = new TextEncoder().encode('small')
    await store.put('before', small)
    const full = await errorOf(store.put('long/one', new Uint8Array(8 * 1024 * 1024), 'absent'))
    expect(full.retryable).toBe(true)
    expect(full.message).toMatch(/objects: cannot write long\/one: no space left on device$/)
    expect((await store.list('')).objects).toEqual([{ key: 'before', size: 5 }])
    expect(await store.put('long/one', small, 'absent')).toBe(true)
  } finally {
    store.close()
    await disk.remove()
  }
})

it('[OBJ25] what a killed process left is passed over, and taken away after an hour', async () => {
  const store = new DirectoryStore(folder)
  await store.put('a/object', contentOf('a/object-3'))
  const [fresh, old] = [join(folder, 'a', '~tmp-1'), join(folder, 'a', '~tmp-2')]
  for (const name of [fresh, old, join(folder, 'a', 'Foreign'), join(folder, '.hidden')]) {
    await writeFile(name, 'x')
  }
  const hoursAgo = Date.now() / 1000 - 2 * 3600
  await utimes(old, hoursAgo, hoursAgo)
  await utimes(join(folder, 'a', 'Foreign'), hoursAgo, hoursAgo)
  expect((await store.list('')).objects).toEqual([{ key: 'a/object', size: 3 }])
  const left = [fresh, old, join(folder, 'a', 'Foreign'), join(folder, '.hidden')].map(existsSync)
  expect(left).toEqual([true, false, true, true])
  store.close()
})

const gigabyte = join(tmpdir(), `etcdurable-gigabyte-${process.pid}`)

afterAll(() => rm(gigabyte, { recursive: true }))

describeObjectStore('a directory, in gigabytes,', async () => new DirectoryStore(gigabyte), {
  large: 32,
  memory: () => process.memoryUsage().rss,
})
