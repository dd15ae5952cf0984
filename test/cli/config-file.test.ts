import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Failure } from '../../src/cli/failure.ts'
import { parseServeFlags } from '../../src/cli/flags.ts'

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-config-'))
  path = join(directory, 'etcd.conf.yml')
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

async function parse(
  content: string,
  args: readonly string[] = [],
  environment: Record<string, string> = {},
) {
  await writeFile(path, content)
  return parseServeFlags([`--config-file=${path}`, ...args], environment)
}

it('[CNF1] a file gives flags their values, by the keys and types of etcd', async () => {
  const { flags, warnings } = await parse(`
# As etcd.conf.yml.sample has them.
name: infra0
data-dir: /var/lib/etcd
listen-client-urls: https://10.0.0.1:2379,http://127.0.0.1:2379
quota-backend-bytes: 4294967296
auto-compaction-mode: periodic
auto-compaction-retention: "1"
watch-progress-notify-interval: 5000000000
grpc-keepalive-min-time: 10000000000
cipher-suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
tls-min-version: TLS1.2
cors: null
client-transport-security:
  cert-file: /c.pem
  key-file: /k.pem
  client-cert-auth: true
  trusted-ca-file: /ca.pem
  auto-tls: false
  allowed-hostname: [a.example, b.example]
`)
  expect(warnings).toEqual([])
  expect(flags).toMatchObject({
    'name': 'infra0',
    'data-dir': '/var/lib/etcd',
    'listen-client-urls': [
      { scheme: 'https', host: '10.0.0.1', port: 2379 },
      { scheme: 'http', host: '127.0.0.1', port: 2379 },
    ],
    'quota-backend-bytes': 4_294_967_296,
    'auto-compaction-retention': '1',
    'watch-progress-notify-interval': 5000,
    'grpc-keepalive-min-time': 10_000,
    'cipher-suites': ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLS_AES_128_GCM_SHA256'],
    'cors': '*',
    'cert-file': '/c.pem',
    'key-file': '/k.pem',
    'client-cert-auth': true,
    'trusted-ca-file': '/ca.pem',
    'auto-tls': false,
    'client-cert-allowed-hostname': ['a.example', 'b.example'],
    'max-txn-ops': 128,
  })
})

it('[CNF1] JSON and an empty file are YAML too', async () => {
  expect((await parse('{"name": "a"}')).flags.name).toBe('a')
  expect((await parse('')).flags).toMatchObject({ 'name': 'default', 'max-txn-ops': 128 })
})

it('[CNF2] with a file, other flags and variables count for nothing, and the log says so', async () => {
  const { flags, warnings } = await parse('name: file', ['--name=typed', '--max-txn-ops=5'], {
    ETCD_MAX_REQUEST_BYTES: '1',
  })
  expect(flags).toMatchObject({
    'name': 'file',
    'max-txn-ops': 128,
    'max-request-bytes': 1_572_864,
  })
  const message = 'flag ignored because a configuration file is given'
  expect(warnings).toEqual([
    { message, fields: { flag: '--name' } },
    { message, fields: { flag: '--max-txn-ops' } },
  ])
})

it('[CNF2] the file may be named by its variable', async () => {
  await writeFile(path, 'name: file')
  expect(parseServeFlags(['--name=typed'], { ETCD_CONFIG_FILE: path }).flags.name).toBe('file')
})

it('[CNF3] keys that no flag has are passed over, as etcd does, and the log says so', async () => {
  const { flags, warnings } = await parse(
    'name: a\ninitial-clusters: a=http://127.0.0.1:2380\ncert-file: x\nclient-transport-security:\n  bogus: y\n',
  )
  expect(flags).toMatchObject({ 'name': 'a', 'cert-file': '' })
  const message = 'unrecognized key in the configuration file'
  expect(warnings).toEqual([
    { message, fields: { key: 'initial-clusters' } },
    { message, fields: { key: 'cert-file' } },
    { message, fields: { key: 'client-transport-security.bogus' } },
  ])
})

it.each([
  ['max-txn-ops: "5"', 'max-txn-ops must be a whole number'],
  ['max-txn-ops: 1.5', 'max-txn-ops must be a whole number'],
  ['name: 5', 'name must be a string'],
  ['auto-compaction-retention: 1', 'auto-compaction-retention must be a string'],
  [
    'watch-progress-notify-interval: 10m',
    'watch-progress-notify-interval must be a whole number of nanoseconds',
  ],
  ['cipher-suites: TLS_AES_128_GCM_SHA256', 'cipher-suites must be a list of strings'],
  ['client-transport-security: x', 'client-transport-security must be a mapping'],
  [
    'client-transport-security: { auto-tls: "true" }',
    'client-transport-security.auto-tls must be true or false',
  ],
])('[CNF4] %s is refused', async (content, problem) => {
  await expect(parse(content)).rejects.toThrow(new Failure(`${path}: ${problem}`))
})

it('[CNF4] a value out of its range is refused', async () => {
  await expect(parse('max-txn-ops: -1')).rejects.toThrow(
    new Failure(`invalid value "-1" for max-txn-ops in ${path}: must not be negative`),
  )
})

it.each(['- a', 'text', '5'])('[CNF4] %j is no mapping', async (content) => {
  await expect(parse(content)).rejects.toThrow(
    new Failure(`${path} must be a YAML mapping of flags to values`),
  )
})

it('[CNF4] what is no YAML, or no file, is one line', async () => {
  await expect(parse('name: [')).rejects.toThrow(/^\S+etcd\.conf\.yml: [^\n]+ at line 1[^\n]*$/)
  expect(() => parseServeFlags(['--config-file', join(directory, 'none')], {})).toThrow(
    new Failure(`cannot read ${join(directory, 'none')}: no such file or directory`),
  )
})
