import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/cli/failure.ts'
import type { FlagSpec } from '../../src/cli/flag-spec.ts'
import { serveTable } from '../../src/cli/flag-table.ts'
import { parseServeFlags } from '../../src/cli/flags.ts'
import { helpText } from '../../src/cli/help.ts'
import { idleTable } from '../../src/cli/idle-flag-table.ts'
import { etcdFlags } from './etcd-flags.ts'

const table: Readonly<Record<string, FlagSpec>> = serveTable

/** As one would type what the help describes by other means. */
const typed: ReadonlyMap<string, string> = new Map([
  ['max-concurrent-streams', '4294967295'],
  ['memory-mlock', 'false'],
  ['enable-grpc-gateway', 'true'],
  ['data-dir', 'default.etcdurable'],
  ['bcrypt-cost', '10'],
  ['auth-token-ttl', '300'],
  ['compaction-batch-limit', '1000'],
  ['bootstrap-defrag-threshold-megabytes', '0'],
  ['compaction-sleep-interval', '0s'],
  ['downgrade-check-time', '5s'],
  ['snapshot-catchup-entries', '5000'],
])

/** What is listened on is advertised, and the cluster is this member. */
const otherwise: ReadonlySet<string> = new Set(['initial-cluster', 'advertise-client-urls'])

function lineOf(args: readonly string[], environment: Record<string, string> = {}): string {
  try {
    parseServeFlags(args, environment)
    return ''
  } catch (error) {
    if (error instanceof Failure) {
      return error.message
    }
    throw error
  }
}

describe('the flags of etcd 3.7.1', () => {
  it('[FLG1] are all known, in their sections', () => {
    expect(etcdFlags.length).toBe(113)
    const ours = etcdFlags.map(([, flag]) => [table[flag]?.section, flag])
    expect(ours).toEqual(etcdFlags.map(([section, flag]) => [section, flag]))
  })

  it("[FLG1] have etcd's default, which may be typed or set by a variable", () => {
    const { flags } = parseServeFlags([], {})
    for (const [, flag, shown] of etcdFlags) {
      const value = typed.get(flag) ?? shown
      const variable = `ETCD_${flag.toUpperCase().replaceAll('-', '_')}`
      for (const given of [
        parseServeFlags([`--${flag}=${value}`], {}),
        parseServeFlags([], { [variable]: value }),
      ]) {
        expect(given.warnings).toEqual([])
        const expected = otherwise.has(flag) ? { ...flags, [flag]: value } : flags
        expect([flag, given.flags]).toEqual([flag, expected])
      }
    }
  })

  it('[FLG2] that have no effect say so in the help', () => {
    const help = helpText()
    for (const [section, flag] of etcdFlags) {
      expect(help).toContain(`\n${section}:\n`)
      expect(help).toContain(`\n  --${flag} '`)
    }
    for (const spec of Object.values<FlagSpec>(idleTable)) {
      expect(spec.help).toMatch(/^(?:Accepted without effect|Only '.*'): ./)
    }
    const text = /--heartbeat-interval '100'\n {4}Accepted without effect: there is no raft here\./
    expect(help).toMatch(text)
    expect(help).toMatch(
      /--enable-pprof 'false'\n {4}Only 'false': use Node's --cpu-prof or --inspect\./,
    )
  })

  it.each([
    ['--heartbeat-interval=250', '--election-timeout=2500', '--snapshot-count=5000'],
    ['--peer-skip-client-san-verification', '--pre-vote=false', '--downgrade-check-time=1s'],
    ['--backend-batch-interval=10ms', '--backend-batch-limit=10', '--memory-mlock'],
    ['--feature-gates=CompactHashCheck=true,LeaseCheckpoint=false'],
    ['--corrupt-check-time=1h', '--unsafe-no-fsync', '--v2-deprecation=gone'],
  ])('[FLG2] that have no effect take what etcd takes: %s', (...args) => {
    expect(lineOf(args)).toBe('')
  })

  it.each([
    ['--heartbeat-interval=fast', 'must be a whole number'],
    ['--corrupt-check-time=5', 'must be a duration such as 10m or 1h30m'],
    ['--compact-hash-check-time=0s', 'must be more than 0'],
    ['--listen-peer-urls=foo', 'URL scheme must be http, https, unix, or unixs: foo'],
    ['--initial-cluster-state=old', 'must be new or existing'],
    ['--feature-gates=Foo=true', 'unrecognized feature gate: Foo'],
    ['--feature-gates=AllBeta=maybe', 'invalid value of AllBeta=maybe: must be true or false'],
    ['--pre-vote=perhaps', 'must be true or false'],
  ])('[FLG2] that have no effect refuse what etcd refuses: %s', (argument, problem) => {
    expect(lineOf([argument])).toMatch(new RegExp(`^invalid value ".+" for flag --.+: ${problem}$`))
  })

  it.each([
    ['wal-dir', '/wal', "the write-ahead log is SQLite's, in --data-dir"],
    ['discovery-srv', 'example.com', 'name the members in --initial-cluster'],
    ['discovery-endpoints', 'http://a:1,http://b:1', 'name the members in --initial-cluster'],
    ['discovery-fallback', 'proxy', 'the v2 proxy is gone'],
    ['strict-reconfig-check', 'false', 'members that have not started are counted'],
    ['enable-pprof', 'true', "use Node's --cpu-prof"],
    ['enable-log-rotation', 'true', 'use logrotate'],
    ['enable-distributed-tracing', 'true', 'it is not built in'],
    ['bootstrap-defrag-threshold-megabytes', '100', 'use etcdctl defrag'],
    ['force-new-cluster', 'true', 'this member always serves by itself'],
  ])('[FLG3] --%s=%s is refused', (flag, value, instead) => {
    const line = (source: string): string => `invalid value "${value}" for ${source}: ${instead}`
    expect(lineOf([`--${flag}=${value}`]).startsWith(line(`flag --${flag}`))).toBe(true)
    const variable = `ETCD_${flag.toUpperCase().replaceAll('-', '_')}`
    expect(lineOf([], { [variable]: value }).startsWith(line(variable))).toBe(true)
  })

  it('[FLG5] stand in sections of a configuration file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'etcdurable-flags-'))
    const path = join(directory, 'etcd.conf.yml')
    try {
      await writeFile(
        path,
        `
wal-dir: ''
heartbeat-interval: 100
initial-cluster: default=http://localhost:2380
peer-transport-security:
  cert-file: /p.crt
  client-cert-auth: true
  allowed-cn: [a, b]
  unheard-of: 1
socket-options:
  reuse-port: true
  reuse-address: false
discovery-config:
  keepalive-time: 2000000000
log-outputs: [stderr]
strict-reconfig-check: true
feature-gates: CompactHashCheck=true
`,
      )
      const { flags, warnings } = parseServeFlags([`--config-file=${path}`], {})
      expect(flags).toMatchObject({
        'peer-cert-file': '/p.crt',
        'peer-client-cert-auth': true,
        'socket-reuse-port': true,
        'discovery-keepalive-time': 2000,
        'log-outputs': ['stderr'],
      })
      expect(warnings.map(({ fields }) => fields['key'])).toEqual([
        'peer-transport-security.unheard-of',
      ])
      await writeFile(path, 'discovery-config: {endpoints: [http://a:1]}')
      expect(lineOf([`--config-file=${path}`])).toMatch(/^invalid value .* for discovery-endpoints/)
      await writeFile(path, 'socket-options: 5')
      expect(lineOf([`--config-file=${path}`])).toBe(`${path}: socket-options must be a mapping`)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
