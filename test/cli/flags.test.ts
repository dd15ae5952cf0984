import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { advertisedUrls } from '../../src/cli/client-urls.ts'
import { Failure } from '../../src/cli/failure.ts'
import { parseBridgeFlags, parseServeFlags, workerVariables } from '../../src/cli/flags.ts'

function parseFlags(args: readonly string[], environment: Record<string, string>) {
  return parseServeFlags(args, environment).flags
}

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
    expect(parseFlags([], {})).toMatchObject({
      'name': 'default',
      'data-dir': 'default.etcdurable',
      'runtime': 'host',
      'config-file': '',
      'listen-client-urls': [{ scheme: 'http', host: '127.0.0.1', port: 2379 }],
      'auth-token': 'simple',
      'auth-token-ttl': 300,
      'bcrypt-cost': 10,
      'quota-backend-bytes': 0,
      'max-txn-ops': 128,
      'max-learners': 1,
      'enable-grpc-gateway': true,
      'initial-advertise-peer-urls': 'http://localhost:2380',
      'max-request-bytes': 1_572_864,
      'max-concurrent-streams': 4_294_967_295,
      'grpc-keepalive-min-time': 5000,
      'grpc-keepalive-interval': 7_200_000,
      'grpc-keepalive-timeout': 20_000,
      'advertise-client-urls': '',
      'auto-compaction-mode': 'periodic',
      'auto-compaction-retention': '0',
      'cert-file': '',
      'key-file': '',
      'client-cert-auth': false,
      'client-cert-allowed-hostname': [],
      'trusted-ca-file': '',
      'client-crl-file': '',
      'listen-client-http-urls': [],
      'auto-tls': false,
      'self-signed-cert-validity': 1,
      'cipher-suites': [],
      'tls-min-version': 'TLS1.2',
      'tls-max-version': '',
      'allow-insecure': false,
      'token-file': '',
      'cors': '*',
      'host-whitelist': '*',
      'metrics': 'basic',
      'listen-metrics-urls': [],
      'socket-reuse-port': false,
      'logger': 'zap',
      'log-level': 'info',
      'log-format': 'json',
      'log-outputs': ['default'],
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
    expect(parseServeFlags([], environment).warnings).toEqual([
      { message: 'unrecognized environment variable', fields: { variable: 'ETCD_DATADIR' } },
    ])
  })

  it.each([
    [['--auto-tls'], true],
    [['--auto-tls=true'], true],
    [['--auto-tls=1'], true],
    [['--auto-tls=F'], false],
    [['--auto-tls', '--name', 'x'], true],
    [[], false],
  ])('[CLI2] are booleans without a value too: %j', (args, value) => {
    expect(parseFlags(args, {})['auto-tls']).toBe(value)
  })

  it('[CLI4] name the data directory after the member', () => {
    expect(parseFlags(['--name=infra0'], {})['data-dir']).toBe('infra0.etcdurable')
    expect(parseFlags(['--name=infra0', '--data-dir=/d'], {})['data-dir']).toBe('/d')
  })

  it('[CLI4] advertise the URLs that are listened on', () => {
    const listen = '--listen-client-urls=http://10.0.0.1:1,https://[::1]:0'
    const flags = parseFlags([listen], {})
    expect(flags['listen-client-urls']).toEqual([
      { scheme: 'http', host: '10.0.0.1', port: 1 },
      { scheme: 'https', host: '::1', port: 0 },
    ])
    const bound = [
      { scheme: 'http', host: '10.0.0.1', port: 1 },
      { scheme: 'https', host: '::1', port: 40123 },
    ] as const
    expect(advertisedUrls(flags['advertise-client-urls'], bound)).toBe(
      'http://10.0.0.1:1,https://[::1]:40123',
    )
    const advertise = '--advertise-client-urls=https://etcd.example.com:443'
    const given = parseFlags([listen, advertise], {})['advertise-client-urls']
    expect(advertisedUrls(given, bound)).toBe('https://etcd.example.com:443')
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
    ['max-request-bytes', '31457281', 'must be at most 31457280'],
    ['auto-compaction-mode', 'yearly', 'must be periodic or revision'],
    ['metrics', 'all', 'must be basic or extensive'],
    ['log-level', 'loud', 'must be debug, info, warn, error, panic or fatal'],
    ['logger', 'capnslog', 'is removed in v3.5'],
    ['logger', 'logrus', 'unknown logger option'],
    ['log-format', 'text', 'unknown log format, supported values json, console'],
    ['log-outputs', 'default,stderr', 'multi logoutput for "default" is not supported yet'],
    [
      'log-outputs',
      'systemd/journal',
      'is not built in: systemd passes on to its journal what stderr says',
    ],
    ['log-outputs', '', 'must name outputs'],
    ['watch-progress-notify-interval', '5', 'must be a duration such as 10m or 1h30m'],
    ['watch-progress-notify-interval', '0', 'must be more than 0'],
    ['listen-client-urls', 'foo', 'URL scheme must be http, https, unix, or unixs: foo'],
    ['auto-tls', 'yes', 'must be true or false'],
    ['self-signed-cert-validity', '0', 'must be 1 to 99'],
    ['max-concurrent-streams', '4294967296', 'is out of range'],
    ['grpc-keepalive-interval', '10', 'must be a duration such as 10m or 1h30m'],
    ['tls-min-version', 'TLS1.1', 'must be TLS1.2 or TLS1.3'],
    ['cipher-suites', 'TLS_AES_128_GCM_SHA256,RC4', 'unexpected TLS cipher suite "RC4"'],
    ['advertise-client-urls', 'foo', 'URL scheme must be http, https, unix, or unixs: foo'],
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
    // The keys are read from files, which src/cli/jwt-keys.ts does.
    const keys = ['ETCD_AUTH_TOKEN_PUBLIC_KEY', 'ETCD_AUTH_TOKEN_PRIVATE_KEY']
    const given = [...workerVariables(parseFlags([], {})).keys(), ...keys, 'EMBEDDED']
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

describe('the flags of bridge', () => {
  const upstream = '--upstream=https://store.example/base'

  it('[CLI21] are those of the listener, and name the upstream', () => {
    const { flags } = parseBridgeFlags([upstream, '--token-file=t', '--log-level=warn'], {})
    expect(flags.upstream.href).toBe('https://store.example/base')
    expect(flags).toMatchObject({ 'token-file': 't', 'log-level': 'warn', 'cert-file': '' })
  })

  it.each([
    [[], '', 1],
    [['--upstream=store.example'], 'store.example', 2],
    [['--upstream=ftp://store.example'], 'ftp://store.example', 2],
  ] as const)('[CLI21] refuse an upstream that is none: %j', (args, value, exitCode) => {
    const problem = 'must be a URL such as https://store.example.workers.dev'
    expect(() => parseBridgeFlags(args, {})).toThrow(
      new Failure(`invalid value "${value}" for flag --upstream: ${problem}`, exitCode),
    )
  })

  it('[CLI21] do not have those of a server', () => {
    expect(() => parseBridgeFlags([upstream, '--max-txn-ops=1'], {})).toThrow(
      'flag provided but not defined: --max-txn-ops (see --help)',
    )
  })
})
