import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Etcd, etcdMissing, startEtcd } from '../../oracle/etcd.ts'
import { freePort } from '../../oracle/free-port.ts'
import { makeAuthority, makeLeaf, writePem } from '../../port/certificates.ts'
import { runCommand } from '../command.ts'
import { Migrating, put, remove, Writer, writeUntilRefused } from '../migrating.ts'
import { type Server, startBridge, startServer } from '../server.ts'

let directory: string
let server: Server

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-migrate-'))
  server = await startServer()
})

afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true })
})

const stateOf = (name: string): string => join(directory, `${name}.migration`)

const flagsOf = (from: string, name: string, to = server.url): readonly string[] => [
  `--from=${from}`,
  `--to=${to}`,
  `--keyspace=${name}`,
  `--state=${stateOf(name)}`,
]

const migrate = (from: string, name: string, ...more: readonly string[]) =>
  runCommand(['migrate', ...flagsOf(from, name), ...more])

type Skip = (note: string) => never

/** An etcd of whatever line is installed, or ETCD_BINARY's. */
async function source(skip: Skip, flags: readonly string[] = []): Promise<Etcd> {
  const etcd = await startEtcd({ flags })
  if (etcd === undefined) {
    return skip(etcdMissing)
  }
  onTestFinished(() => etcd.stop())
  return etcd
}

function writerOf(url: string): Writer {
  const writer = new Writer(url)
  onTestFinished(() => writer.close())
  return writer
}

/** A gRPC client in a keyspace of the server. */
async function inKeyspace(name: string, upstream = server.url): Promise<Writer> {
  const bridge = await startBridge({ upstream, flags: [`--keyspace=${name}`] })
  const writer = new Writer(bridge.url)
  onTestFinished(async () => {
    writer.close()
    await bridge.stop()
  })
  return writer
}

/** Revision and hash of what was migrated. */
function migrated(stdout: string): { readonly revision: number; readonly hash: number } {
  const [, revision, hash] = /migrated at revision (\d+), HashKV (\d+)/.exec(stdout) ?? []
  return { revision: Number(revision), hash: Number(hash) }
}

/** Keys that were overwritten, deleted and made anew. */
async function fill(writer: Writer, keys: number): Promise<void> {
  for (let i = 0; i < keys; i += 100) {
    await writer.write(Array.from({ length: 100 }, (_, at) => put(`k${i + at}`, `value ${i + at}`)))
  }
  await writer.write([remove('k1', 'k2')])
  await writer.write([put('k1', 'again'), put('k1a', 'first')])
}

async function enableAuth(writer: Writer): Promise<void> {
  const auth = '/etcdserverpb.Auth'
  await writer.ask(`${auth}/UserAdd`, { name: 'root', password: 'root' })
  await writer.ask(`${auth}/RoleAdd`, { name: 'root' })
  await writer.ask(`${auth}/UserGrantRole`, { user: 'root', role: 'root' })
  await writer.ask(`${auth}/UserAdd`, { name: 'anna', password: 'before' })
  await writer.ask(`${auth}/AuthEnable`, {})
  await writer.logIn('root', 'root')
}

/** A cut-over takes the longer, the more leases there are. */
async function grant(writer: Writer, leases: number): Promise<void> {
  for (let i = 0; i < leases; i += 100) {
    const some = Array.from({ length: 100 }, () =>
      writer.ask('/etcdserverpb.Lease/LeaseGrant', { TTL: 5000 }),
    )
    await Promise.all(some)
  }
}

describe('migrate', () => {
  it('[MOV6] [MOV7] moves an etcd that is written to, with users, leases and compactions', async ({
    skip,
  }) => {
    const etcd = await source(skip, ['--max-request-bytes=4000000', '--max-txn-ops=1000'])
    const writer = writerOf(etcd.url)
    await fill(writer, 10_000)
    await writer.ask('/etcdserverpb.Lease/LeaseGrant', { ID: 7n, TTL: 3000 })
    await writer.ask('/etcdserverpb.Lease/LeaseGrant', { ID: -8n, TTL: 500 })
    await writer.ask('/etcdserverpb.Lease/LeaseGrant', { ID: 9n, TTL: 4000 })
    await writer.write([put('l1', 'leased', 7n), put('l2', 'leased', -8n)])
    await writer.ask('/etcdserverpb.KV/Compact', { revision: 50, physical: true })
    await writer.ask('/etcdserverpb.Maintenance/Alarm', { action: 1, memberID: 5n, alarm: 1 })
    await writer.ask('/etcdserverpb.Maintenance/Alarm', { action: 2, memberID: 5n, alarm: 1 })
    await enableAuth(writer)
    const migrating = new Migrating([...flagsOf(etcd.url, 'blue'), '--from-user=root:root'])
    await migrating.says(/is there\n/)
    // While it follows: long values in one transaction, and all else.
    const million = Buffer.alloc(1_000_000, 'm')
    for (let i = 0; i < 5; i++) {
      await writer.write([put(`m${i}`, million), put(`n${i}`, million), put(`o${i}`, million)])
    }
    await writer.ask('/etcdserverpb.Lease/LeaseRevoke', { ID: 9n })
    await writer.ask('/etcdserverpb.Lease/LeaseGrant', { ID: 10n, TTL: 4000 })
    await writer.write([put('l3', 'leased', 10n)])
    await writer.ask('/etcdserverpb.Auth/UserChangePassword', { name: 'anna', password: 'after' })
    await writer.ask('/etcdserverpb.KV/Compact', { revision: 100, physical: true })
    const writing = writeUntilRefused(writer, new AbortController().signal)
    await sleep(1000)
    await migrating.says(/"kill -USR1 \d+" cuts over/)
    migrating.kill('SIGUSR1')
    const { last, refusal } = await writing
    const { code, stdout, stderr } = await migrating.ended()
    expect([code, stderr]).toEqual([0, expect.stringContaining('the source refuses writes\n')])
    expect(refusal).toBe('etcdserver: corrupt cluster')
    expect(existsSync(stateOf('blue'))).toBe(false)
    const { revision, hash } = migrated(stdout)
    expect(revision).toBe(last)
    expect(await writer.hash(revision)).toEqual({ hash, compactRevision: 100 })
    const blue = await inKeyspace('blue')
    await blue.logIn('root', 'root')
    expect(await blue.hash(revision)).toEqual({ hash, compactRevision: 100 })
    expect(await blue.hash(150)).toEqual(await writer.hash(150))
    await expect(writerOf(blue.url).logIn('anna', 'before')).rejects.toThrow(
      'authentication failed',
    )
    await writerOf(blue.url).logIn('anna', 'after')
    const { leases } = await blue.ask('/etcdserverpb.Lease/LeaseLeases', {})
    expect(new Set(leases.map(({ ID }) => ID))).toEqual(new Set([-8n, 7n, 10n]))
    for (const [ID, keys] of [
      [7n, ['l1']],
      [-8n, ['l2']],
      [10n, ['l3']],
    ] as const) {
      const asked = { ID, keys: true }
      const own = await blue.ask('/etcdserverpb.Lease/LeaseTimeToLive', asked)
      const others = await writer.ask('/etcdserverpb.Lease/LeaseTimeToLive', asked)
      expect(own.grantedTTL).toBe(others.grantedTTL)
      expect(Math.abs(own.TTL - others.TTL)).toBeLessThanOrEqual(5)
      expect(own.keys.map((key) => Buffer.from(key).toString())).toEqual(keys)
    }
    const { alarms } = await blue.ask('/etcdserverpb.Maintenance/Alarm', { action: 0 })
    expect(alarms).toEqual([])
    expect(await blue.write([put('next', '1')])).toBe(revision + 1)
  })

  it('[MOV8] goes on where it was stopped, and where it was killed', async ({ skip }) => {
    const etcd = await source(skip)
    const writer = writerOf(etcd.url)
    await fill(writer, 10_000)
    const begun = new Migrating(flagsOf(etcd.url, 'resumed'))
    while (!existsSync(stateOf('resumed'))) {
      await sleep(1)
    }
    begun.kill('SIGKILL')
    await begun.ended()
    await writer.write([put('between', '1')])
    const second = new Migrating(flagsOf(etcd.url, 'resumed'))
    await second.says(/going on behind (entry|revision) \d+\n[^]*cuts over/)
    await writer.write([put('between', '2')])
    await second.says(/at revision \d+ of \d+: 0 behind/)
    second.kill('SIGKILL')
    await second.ended()
    // What a watch is late for comes in one message, which is longer than etcd sends, and so in parts.
    for (let i = 0; i < 6; i++) {
      await writer.write([put(`m${i}`, Buffer.alloc(1_000_000, i)), put(`n${i}`, `${i}`)])
    }
    await writer.write([put('between', '3')])
    const third = new Migrating(flagsOf(etcd.url, 'resumed'))
    await third.says(/going on behind revision \d+\n[^]*cuts over/)
    third.kill('SIGINT')
    expect(await third.ended()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/stopped at revision \d+; run it again to go on\n$/) as string,
    })
    const last = await writer.write([put('between', '4')])
    const { code, stdout, stderr } = await migrate(etcd.url, 'resumed', '--cut-over')
    expect([code, stderr]).toEqual([0, expect.stringContaining('going on behind revision')])
    expect(stderr).not.toContain('snapshot')
    expect(migrated(stdout).revision).toBe(last)
    expect(await writer.hash(last)).toMatchObject({ hash: migrated(stdout).hash })
  })

  it('[MOV8] refuses a state that is none, or of another migration', async ({ skip }) => {
    const etcd = await source(skip)
    await writeFile(stateOf('other'), '{}')
    expect(await migrate(etcd.url, 'other')).toMatchObject({
      code: 1,
      stderr: `etcdurable: ${stateOf('other')} is no state of a migration; --state names another file\n`,
    })
    const begun = new Migrating(flagsOf(etcd.url, 'first'))
    await begun.says(/cuts over/)
    begun.kill('SIGINT')
    await begun.ended()
    const others = ['migrate', `--from=${etcd.url}`, `--to=${server.url}`, '--keyspace=second']
    const refused = await runCommand([...others, `--state=${stateOf('first')}`])
    expect(refused.stderr).toContain('is of a migration with another keyspace')
  })

  it('[MOV8] begins anew where the target has given the copy up', async ({ skip }) => {
    const etcd = await source(skip)
    const writer = writerOf(etcd.url)
    await fill(writer, 200)
    const begun = new Migrating(flagsOf(etcd.url, 'given-up'))
    await begun.says(/cuts over/)
    begun.kill('SIGINT')
    await begun.ended()
    await fetch(`${server.url}/keyspaces/given-up/restores`, { method: 'POST', body: '{}' })
    const { code, stderr } = await migrate(etcd.url, 'given-up', '--cut-over')
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining('the target has given the copy up: beginning anew'),
    ])
  })

  it('[MOV9] goes on when the source was away, and when the target was', async ({ skip }) => {
    const port = await freePort()
    const dataDir = join(directory, 'away')
    let etcd = await startEtcd({ port, dataDir })
    if (etcd === undefined) {
      return skip(etcdMissing)
    }
    let target = await startServer({ port: await freePort(), dataDir: join(directory, 'target') })
    onTestFinished(async () => {
      await Promise.all([etcd?.kill9(), target.kill9()])
    })
    const writer = writerOf(etcd.url)
    await fill(writer, 1000)
    const migrating = new Migrating(flagsOf(etcd.url, 'away', target.url))
    await migrating.says(/cuts over/)
    await etcd.kill9()
    await migrating.says(/cannot reach .*; trying again\n/)
    etcd = await startEtcd({ port, dataDir })
    const again = writerOf(`http://127.0.0.1:${port}`)
    await fill(again, 1000)
    await target.kill9()
    await fill(again, 1000)
    target = await startServer({ port: target.port, dataDir: target.dataDir })
    const last = await again.write([put('last', '1')])
    migrating.kill('SIGUSR1')
    const { code, stdout } = await migrating.ended()
    expect([code, migrated(stdout)]).toEqual([
      0,
      { revision: last, hash: expect.any(Number) as number },
    ])
    expect(await again.hash(last)).toMatchObject({ hash: migrated(stdout).hash })
    return undefined
  })

  it('[MOV10] begins anew where the source is compacted beyond the copy', async ({ skip }) => {
    const etcd = await source(skip)
    const writer = writerOf(etcd.url)
    await fill(writer, 200)
    const begun = new Migrating(flagsOf(etcd.url, 'compacted'))
    await begun.says(/cuts over/)
    begun.kill('SIGKILL')
    await begun.ended()
    await fill(writer, 200)
    const revision = await writer.write([put('a', '1')])
    await writer.ask('/etcdserverpb.KV/Compact', { revision, physical: true })
    const last = await writer.write([put('a', '2')])
    const { code, stdout, stderr } = await migrate(etcd.url, 'compacted', '--cut-over')
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(
        `the source is compacted up to revision ${revision}, beyond what the copy has: beginning anew`,
      ),
    ])
    expect(await writer.hash(last)).toEqual({
      hash: migrated(stdout).hash,
      compactRevision: revision,
    })
  })

  it('[MOV11] says in a line what is wrong, and makes nothing', async ({ skip }) => {
    const etcd = await source(skip)
    const writer = writerOf(etcd.url)
    await enableAuth(writer)
    const lines: readonly (readonly [readonly string[], string, RegExp])[] = [
      [['--from-user=root:wrong'], 'nobody', /authentication failed, invalid user ID or password$/],
      [[], 'nobody', /user name is empty$/],
      [['--from-user=anna:before'], 'nobody', /permission denied$/],
      [['--from-user=root:root'], 'default', /keyspace already exists$/],
      [['--from-cacert=/nowhere'], 'nobody', /cannot read \/nowhere: ENOENT$/],
    ]
    for (const [flags, name, problem] of lines) {
      const { code, stdout, stderr } = await migrate(etcd.url, name, ...flags)
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr.trimEnd().split('\n').at(-1)).toMatch(problem)
    }
    const nowhere = await migrate('http://127.0.0.1:1', 'nobody')
    expect(nowhere.stderr).toMatch(/^etcdurable: cannot reach http:\/\/127\.0\.0\.1:1: .+\n$/)
    expect((await migrate('ftp://x', 'nobody')).stderr).toMatch(
      /invalid value "ftp:\/\/x" for flag/,
    )
    expect(await runCommand(['migrate', '--keyspace=x'])).toMatchObject({
      code: 2,
      stderr: 'etcdurable: migrate needs an etcd and a new keyspace: --from URL --keyspace NAME\n',
    })
    const { stdout } = await runCommand(['keyspace', 'list', `--endpoint=${server.url}`])
    expect(stdout).not.toContain('nobody')
    expect(await writer.write([put('a', '1')])).toBe(2)
  })

  it('[MOV6] [MOV11] speaks TLS, with a certificate where the source asks for one', async ({
    skip,
  }) => {
    const authority = await makeAuthority('source')
    const ca = await writePem(directory, 'ca', authority)
    const { certFile, keyFile } = await writePem(directory, 'leaf', await makeLeaf(authority))
    const secondUrl = `https://127.0.0.1:${await freePort()}`
    const flags = [
      `--cert-file=${certFile}`,
      `--key-file=${keyFile}`,
      `--trusted-ca-file=${ca.certFile}`,
      '--client-cert-auth',
    ]
    const etcd = await startEtcd({ secondUrl, flags })
    if (etcd === undefined) {
      return skip(etcdMissing)
    }
    onTestFinished(() => etcd.stop())
    const last = await writerOf(etcd.url).write([put('a', '1')])
    const trusting = [`--from-cacert=${ca.certFile}`, '--cut-over']
    const unknown = await migrate(secondUrl, 'tls', '--cut-over')
    const nobody = await migrate(secondUrl, 'tls', ...trusting)
    for (const { code, stderr } of [unknown, nobody]) {
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^etcdurable: cannot reach .+\n$/)])
    }
    const known = [`--from-cert=${certFile}`, `--from-key=${keyFile}`]
    const { code, stdout } = await migrate(secondUrl, 'tls', ...trusting, ...known)
    expect([code, migrated(stdout).revision]).toEqual([0, last])
    return undefined
  })

  it('[MOV12] is no success while the source is written to', async ({ skip }) => {
    const etcd = await source(skip)
    const writer = writerOf(etcd.url)
    const stop = new AbortController()
    const writing = Array.from({ length: 8 }, () => writeUntilRefused(writer, stop.signal))
    const flags = ['--cut-over', '--source-stays-writable']
    const { code, stderr } = await migrate(etcd.url, 'busy', ...flags)
    // A write may have come as late as behind the last look.
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/(; stop its writers first|gone on to revision \d+: delete it .*)\n$/),
    ])
    if (stderr.includes('delete it')) {
      await runCommand(['keyspace', 'delete', 'busy', `--endpoint=${server.url}`])
    }
    stop.abort()
    const ended = await Promise.all(writing)
    expect(ended.map(({ refusal }) => refusal)).toEqual(Array.from({ length: 8 }, () => ''))
    const last = Math.max(...ended.map(({ last: one }) => one))
    const quiet = await migrate(etcd.url, 'busy', ...flags)
    expect([quiet.code, migrated(quiet.stdout).revision]).toEqual([0, last])
    expect(await writer.write([put('a', '1')])).toBe(last + 1)
  })

  it('[MOV7] [MOV8] gives the source back where the target is lost at the end', async ({
    skip,
  }) => {
    const etcd = await source(skip)
    const writer = writerOf(etcd.url)
    await fill(writer, 1000)
    await grant(writer, 2000)
    let target = await startServer({ port: await freePort(), dataDir: join(directory, 'lost') })
    onTestFinished(() => target.kill9())
    const migrating = new Migrating([...flagsOf(etcd.url, 'lost', target.url), '--cut-over'])
    await migrating.says(/the source refuses writes/)
    await target.kill9()
    expect(await migrating.ended()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the source takes writes again\n.*cannot reach/) as string,
    })
    const last = await writer.write([put('after', '1')])
    target = await startServer({ port: target.port, dataDir: target.dataDir })
    const again = new Migrating([...flagsOf(etcd.url, 'lost', target.url), '--cut-over'])
    const { code, stdout } = await again.ended()
    expect([code, migrated(stdout).revision]).toEqual([0, last])
    const lost = await inKeyspace('lost', target.url)
    expect(await lost.hash(last)).toEqual(await writer.hash(last))
    expect((await lost.ask('/etcdserverpb.Lease/LeaseLeases', {})).leases).toHaveLength(2000)
  })

  it('[MOV7] [MOV8] gives the source back when it was killed at the end, and ends', async ({
    skip,
  }) => {
    const etcd = await source(skip)
    const writer = writerOf(etcd.url)
    await fill(writer, 1000)
    await grant(writer, 2000)
    const killed = new Migrating([...flagsOf(etcd.url, 'killed'), '--cut-over'])
    await killed.says(/the source refuses writes/)
    killed.kill('SIGKILL')
    await killed.ended()
    await expect(writer.write([put('a', '1')])).rejects.toThrow('corrupt cluster')
    const again = new Migrating(flagsOf(etcd.url, 'killed'))
    await again.says(/going on behind revision \d+\n[^]*takes writes again\n[^]*cuts over/)
    await writer.write([put('a', '2')])
    again.kill('SIGUSR1')
    const { code, stdout } = await again.ended()
    expect([code, await writer.hash()]).toEqual([
      0,
      expect.objectContaining({ hash: migrated(stdout).hash }),
    ])
  })

  it('[MOV13] moves a keyspace, from its own port and through a bridge', async () => {
    const writer = writerOf(server.url)
    await fill(writer, 1000)
    await writer.ask('/etcdserverpb.Lease/LeaseGrant', { ID: 7n, TTL: 3000 })
    const last = await writer.write([put('l', '1', 7n)])
    const own = await migrate(server.url, 'from-port', '--cut-over')
    expect([own.code, migrated(own.stdout).revision]).toEqual([0, last])
    await writer.ask('/etcdserverpb.Maintenance/Alarm', { action: 2, alarm: 0 })
    const bridge = await startBridge({ upstream: server.url, flags: ['--keyspace=from-port'] })
    onTestFinished(() => bridge.stop())
    const bridged = await migrate(bridge.url, 'from-bridge', '--cut-over')
    expect([bridged.code, migrated(bridged.stdout)]).toEqual([0, migrated(own.stdout)])
    const moved = await inKeyspace('from-bridge')
    const { TTL, keys } = await moved.ask('/etcdserverpb.Lease/LeaseTimeToLive', {
      ID: 7n,
      keys: true,
    })
    expect(TTL).toBeGreaterThan(2900)
    expect(keys).toHaveLength(1)
  })
})
