import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/cli/failure.ts'
import { parseFlags, unknownVariables, workerVariables } from '../../src/cli/flags.ts'

function failureOf(args: readonly string[], environment: Record<string, string> = {}) {
  try {
    parseFlags(args, environment)
  } catch (error) {
    if (error instanceof Failure) {
      return { message: error.message, exitCode: error.exitCode }
    }
    throw error
  }
  return undefined
}

describe('flags', () => {
  it('[CLI1] have the defaults of etcd', () => {
    expect(parseFlags([], {})).toEqual({
      'name': 'default',
      'data-dir': 'default.etcdurable',
      'listen-client-urls': [{ host: '127.0.0.1', port: 2379 }],
      'quota-backend-bytes': 0,
      'max-txn-ops': 128,
      'max-request-bytes': 1_572_864,
      'advertise-client-urls': 'http://127.0.0.1:2379',
      'auto-compaction-mode': 'periodic',
      'auto-compaction-retention': '0',
      'cors': '*',
      'host-whitelist': '*',
      'metrics': 'basic',
      'log-level': 'info',
      'watch-progress-notify-interval': 600_000,
    })
  })

  it.each([
    [['--name', 'a']],
    [['--name=a']],
    [['-name', 'a']],
    [['-name=a']],
    [['--name', 'b', '--name', 'a']],
  ])('[CLI2] are read as Go reads them: %j', (args) => {
    expect(parseFlags(args, {}).name).toBe('a')
  })

  it('[CLI2] take an empty value and one that holds an equals sign or a dash', () => {
    expect(parseFlags(['--cors='], {}).cors).toBe('')
    expect(parseFlags(['--name=a=b'], {}).name).toBe('a=b')
    expect(parseFlags(['--quota-backend-bytes', '-1'], {})['quota-backend-bytes']).toBe(-1)
  })

  it('[CLI3] come from ETCD_* where the command line has none', () => {
    const environment = { ETCD_MAX_TXN_OPS: '5', ETCD_NAME: 'from-environment' }
    const flags = parseFlags(['--name', 'typed'], environment)
    expect(flags.name).toBe('typed')
    expect(flags['max-txn-ops']).toBe(5)
  })

  it('[CLI3] take an empty variable for an unset one', () => {
    expect(parseFlags([], { ETCD_NAME: '' }).name).toBe('default')
  })

  it('[CLI3] name the variables that no flag has', () => {
    const environment = { ETCD_DATADIR: 'x', ETCD_DATA_DIR: 'y', ETCDCTL_API: '3', PATH: '/' }
    expect(unknownVariables(environment)).toEqual(['ETCD_DATADIR'])
  })

  it('[CLI4] name the data directory after the member', () => {
    expect(parseFlags(['--name=infra0'], {})['data-dir']).toBe('infra0.etcdurable')
    expect(parseFlags(['--name=infra0', '--data-dir=/d'], {})['data-dir']).toBe('/d')
  })

  it('[CLI4] advertise the URLs that are listened on', () => {
    const listen = '--listen-client-urls=http://10.0.0.1:1,http://[::1]:2'
    const flags = parseFlags([listen], {})
    expect(flags['listen-client-urls']).toEqual([
      { host: '10.0.0.1', port: 1 },
      { host: '::1', port: 2 },
    ])
    expect(flags['advertise-client-urls']).toBe('http://10.0.0.1:1,http://[::1]:2')
    const advertise = '--advertise-client-urls=https://etcd.example.com:443'
    expect(parseFlags([listen, advertise], {})['advertise-client-urls']).toBe(
      'https://etcd.example.com:443',
    )
  })

  it.each([
    ['--bogus', 'flag provided but not defined: --bogus (see --help)'],
    ['--bogus=1', 'flag provided but not defined: --bogus (see --help)'],
    ['--toString=1', 'flag provided but not defined: --toString (see --help)'],
    ['--name', 'flag needs an argument: --name'],
  ])('[CLI5] refuse %s with code 2', (argument, message) => {
    expect(failureOf([argument])).toEqual({ message, exitCode: 2 })
  })

  it.each(['extra', '-', '--', '--=x', '---name=x'])('[CLI5] refuse %j with code 1', (argument) => {
    const message = `"${argument}" is not a valid flag (see --help)`
    expect(failureOf([argument])).toEqual({ message, exitCode: 1 })
  })

  it.each([
    ['name', '', 'must not be empty'],
    ['quota-backend-bytes', 'abc', 'must be a whole number'],
    ['quota-backend-bytes', '1.5', 'must be a whole number'],
    ['quota-backend-bytes', '9007199254740992', 'is out of range'],
    ['max-txn-ops', '-1', 'must not be negative'],
    ['max-request-bytes', '', 'must be a whole number'],
    ['auto-compaction-mode', 'yearly', 'must be periodic or revision'],
    ['metrics', 'all', 'must be basic or extensive'],
    ['log-level', 'loud', 'must be debug, info, warn, error, panic or fatal'],
    ['watch-progress-notify-interval', '5', 'must be a duration such as 10m or 1h30m'],
    ['watch-progress-notify-interval', '0', 'must be more than 0'],
    ['listen-client-urls', 'foo', 'URL scheme must be http: foo'],
    ['advertise-client-urls', 'foo', 'URL scheme must be http or https: foo'],
  ])('[CLI6] refuse --%s=%s: %s', (name, value, problem) => {
    expect(failureOf([`--${name}=${value}`])).toEqual({
      message: `invalid value "${value}" for flag --${name}: ${problem}`,
      exitCode: 2,
    })
  })

  it('[CLI6] name the variable that holds a bad value, with code 1', () => {
    expect(failureOf([], { ETCD_QUOTA_BACKEND_BYTES: 'x' })).toEqual({
      message: 'invalid value "x" for ETCD_QUOTA_BACKEND_BYTES: must be a whole number',
      exitCode: 1,
    })
  })

  it.each([
    ['periodic', '12'],
    ['periodic', '5m'],
    ['revision', '1000'],
  ])('[CLI7] accept %s retention %s', (mode, retention) => {
    const args = ['--auto-compaction-retention', retention, '--auto-compaction-mode', mode]
    expect(parseFlags(args, {})['auto-compaction-retention']).toBe(retention)
  })

  it.each([
    ['periodic', 'abc', 'hours or a duration'],
    ['periodic', '-5m', 'hours or a duration'],
    ['revision', '5m', 'a number of revisions'],
  ])('[CLI7] refuse %s retention %s', (mode, retention, kind) => {
    const args = ['--auto-compaction-retention', retention, '--auto-compaction-mode', mode]
    expect(failureOf(args)).toEqual({
      message: `invalid value "${retention}" for --auto-compaction-retention: must be ${kind}`,
      exitCode: 1,
    })
  })

  it('[CLI8] become the variables that the Worker knows, and no other', () => {
    const declarations = readFileSync(
      join(import.meta.dirname, '..', '..', 'src', 'env.d.ts'),
      'utf8',
    )
    const declared = [...declarations.matchAll(/readonly (ETCD_\w+|EMBEDDED)\?: string/g)].map(
      ([, name]) => name,
    )
    const given = [...workerVariables(parseFlags([], {})).keys(), 'EMBEDDED']
    expect(new Set(given)).toEqual(new Set(declared))
  })

  it('[CLI8] reach the Worker as they were meant', () => {
    const flags = parseFlags(
      ['--watch-progress-notify-interval=1m30s', '--quota-backend-bytes=-1', '--cors='],
      {},
    )
    const variables = workerVariables(flags)
    expect(variables.get('ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL_MS')).toBe('90000')
    expect(variables.get('ETCD_QUOTA_BACKEND_BYTES')).toBe('-1')
    expect(variables.get('ETCD_CORS')).toBe('')
  })
})
