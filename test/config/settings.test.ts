import { describe, expect, it } from 'vitest'
import { parseSettings, type Settings, SettingsError } from '../../src/config/settings.ts'

describe('the settings', () => {
  it("[CFG1] are etcd's defaults where nothing, or an empty text, is given", () => {
    const defaults: Settings = {
      name: 'default',
      advertiseClientUrls: [],
      peerUrls: ['http://localhost:2380'],
      maxLearners: 1,
      jsonGateway: true,
      v2: false,
      quotaBackendBytes: 0,
      maxRequestBytes: 1_572_864,
      maxTxnOps: 128,
      watchProgressNotifyIntervalMs: 600_000,
      autoCompaction: undefined,
      cors: undefined,
      hostWhitelist: undefined,
      metrics: 'basic',
      tokens: { kind: 'simple' },
      authTokenTtlMs: 300_000,
      bcryptCost: 10,
      embedded: false,
      accessToken: undefined,
      linkSecret: undefined,
      spaceIntervalMs: 0,
      snapshotStore: undefined,
      snapshotLagMs: 10_000,
      cluster: undefined,
    }
    expect(parseSettings({})).toEqual(defaults)
    expect(
      parseSettings({ ETCD_NAME: '', ETCD_MAX_TXN_OPS: '', ETCD_CORS: '', EMBEDDED: '' }),
    ).toEqual(defaults)
  })

  it('[CFG1] are what is given', () => {
    const settings = parseSettings({
      ETCD_NAME: 'infra1',
      ETCD_ADVERTISE_CLIENT_URLS: 'http://a:1,http://b:2',
      ETCD_INITIAL_ADVERTISE_PEER_URLS: 'http://c:3,http://d:4',
      ETCD_MAX_LEARNERS: '7',
      ETCD_ENABLE_GRPC_GATEWAY: 'false',
      ETCD_ENABLE_V2: 'true',
      ETCD_QUOTA_BACKEND_BYTES: '-1',
      ETCD_MAX_REQUEST_BYTES: '5',
      ETCD_MAX_TXN_OPS: '6',
      ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL_MS: '0.5',
      ETCD_CORS: 'http://a, http://b',
      ETCD_HOST_WHITELIST: 'a,b',
      ETCD_METRICS: 'extensive',
      ETCD_AUTH_TOKEN: 'jwt,sign-method=HS256,ttl=1m',
      ETCD_AUTH_TOKEN_PRIVATE_KEY: 'AQID',
      ETCD_AUTH_TOKEN_TTL: '60',
      ETCD_BCRYPT_COST: '4',
      EMBEDDED: 'true',
      ETCDURABLE_TOKEN: 'secret',
      ETCDURABLE_STREAM_SPACE_SECONDS: '30',
      ETCDURABLE_SNAPSHOT_STORE: 'file:///var/back%20ups/',
      ETCDURABLE_SNAPSHOT_LAG_SECONDS: '0.5',
    })
    expect(settings).toEqual({
      name: 'infra1',
      advertiseClientUrls: ['http://a:1', 'http://b:2'],
      peerUrls: ['http://c:3', 'http://d:4'],
      maxLearners: 7,
      jsonGateway: false,
      v2: true,
      quotaBackendBytes: -1,
      maxRequestBytes: 5,
      maxTxnOps: 6,
      watchProgressNotifyIntervalMs: 0.5,
      autoCompaction: undefined,
      cors: new Set(['http://a', 'http://b']),
      hostWhitelist: new Set(['a', 'b']),
      metrics: 'extensive',
      tokens: {
        kind: 'jwt',
        signMethod: 'HS256',
        ttl: 60_000,
        survivesUserChanges: false,
        publicKey: new Uint8Array(0),
        privateKey: new Uint8Array([1, 2, 3]),
      },
      authTokenTtlMs: 60_000,
      bcryptCost: 4,
      embedded: true,
      accessToken: 'secret',
      spaceIntervalMs: 30_000,
      snapshotStore: {
        kind: 'directory',
        url: 'file:///var/back%20ups/',
        path: '/var/back ups/',
      },
      snapshotLagMs: 500,
    })
  })

  it('[CFG4] name a bucket with all that is needed to get there', () => {
    const secrets = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }
    const store = (environment: object) =>
      parseSettings({ ...secrets, ...environment }).snapshotStore
    const bucket = {
      kind: 's3',
      bucket: 'b-1.x',
      prefix: '',
      endpoint: 'https://s3.us-east-1.amazonaws.com',
      region: 'us-east-1',
      accessKeyId: 'id',
      secretAccessKey: 'secret',
    }
    expect(store({ ETCDURABLE_SNAPSHOT_STORE: 's3://b-1.x' })).toEqual(bucket)
    expect(store({ ETCDURABLE_SNAPSHOT_STORE: 's3://b-1.x/' })).toEqual(bucket)
    expect(
      store({
        ETCDURABLE_SNAPSHOT_STORE: 's3://b-1.x/etcd/Prod_1/',
        ETCDURABLE_SNAPSHOT_STORE_ENDPOINT: 'http://127.0.0.1:9000/s3/',
        ETCDURABLE_SNAPSHOT_STORE_REGION: 'auto',
        AWS_SESSION_TOKEN: 'session',
      }),
    ).toEqual({
      ...bucket,
      prefix: 'etcd/Prod_1/',
      endpoint: 'http://127.0.0.1:9000/s3',
      region: 'auto',
      sessionToken: 'session',
    })
  })

  it.each([
    ['backups', 'must be a URL such as file:///var/backups/etcdurable or s3://bucket/prefix'],
    [
      'https://bucket/',
      'must be a URL such as file:///var/backups/etcdurable or s3://bucket/prefix',
    ],
    ['file://var/backups', 'must have three slashes before the path: file:///path'],
    ['file:///a%00b', 'must be the path of a directory'],
    ['file:///a%ff', 'has an escape that is none'],
    ['s3://', 'must name a bucket: 3 to 63 letters, digits, dots and dashes'],
    ['s3://ab', 'must name a bucket: 3 to 63 letters, digits, dots and dashes'],
    ['s3://id:hidden@bucket', 'must have no user, query or fragment'],
    ['s3://bucket/a?x=hidden', 'must have no user, query or fragment'],
    [
      's3://bucket/a b',
      'must have a prefix of letters, digits, dots, dashes and slashes, at most 256 of them',
    ],
    ['s3://bucket/a', 'needs credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'],
  ])('[CFG4] refuse the store %s and repeat nothing of it', (url, problem) => {
    const environment = { EMBEDDED: 'true', ETCDURABLE_SNAPSHOT_STORE: url }
    const refused = () => parseSettings(environment)
    expect(refused).toThrow(new SettingsError(`ETCDURABLE_SNAPSHOT_STORE ${problem}`))
  })

  it('[CFG4] refuse an endpoint or a region that is none, and a directory where there is none', () => {
    const environment = {
      ETCDURABLE_SNAPSHOT_STORE: 's3://bucket',
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'secret',
    }
    for (const endpoint of ['s3.example.com', 'ftp://a', 'https://u:p@a', 'https://a?b']) {
      const wrong = { ...environment, ETCDURABLE_SNAPSHOT_STORE_ENDPOINT: endpoint }
      expect(() => parseSettings(wrong)).toThrow(/is at an endpoint that is none/)
    }
    const region = { ...environment, ETCDURABLE_SNAPSHOT_STORE_REGION: 'eu west' }
    expect(() => parseSettings(region)).toThrow(/is of a region that is none/)
    const directory = { ETCDURABLE_SNAPSHOT_STORE: 'file:///backups' }
    expect(() => parseSettings(directory)).toThrow(/a deployed Worker has no directory/)
  })

  it('[CFG1] are none of tokens where that is said, and 10 for a cost that bcrypt cannot have', () => {
    expect(parseSettings({ ETCD_AUTH_TOKEN: '' }).tokens).toEqual({ kind: 'none' })
    expect(parseSettings({ ETCD_BCRYPT_COST: '3' }).bcryptCost).toBe(10)
    expect(parseSettings({ ETCD_BCRYPT_COST: '32' }).bcryptCost).toBe(10)
  })

  it.each(['basic', 'jwt', 'jwt,sign-method=HS256'])('[CFG3] refuse tokens of %s', (tokens) => {
    const environment = { ETCD_AUTH_TOKEN: tokens, ETCD_AUTH_TOKEN_PRIVATE_KEY: 'no base64' }
    expect(() => parseSettings(environment)).toThrow(SettingsError)
  })

  it('[CFG1] allow all when * is among what is allowed', () => {
    expect(parseSettings({ ETCD_CORS: 'http://a,*' }).cors).toBeUndefined()
    expect(parseSettings({ ETCD_HOST_WHITELIST: '*' }).hostWhitelist).toBeUndefined()
  })

  it.each([
    [undefined, '0', undefined],
    [undefined, '0s', undefined],
    ['periodic', '2', { mode: 'periodic', retentionMs: 7_200_000 }],
    ['periodic', '5m', { mode: 'periodic', retentionMs: 300_000 }],
    ['periodic', '1h30m', { mode: 'periodic', retentionMs: 5_400_000 }],
    ['revision', '0', undefined],
    ['revision', '1000', { mode: 'revision', retentionRevisions: 1000 }],
  ])('[CFG2] compact by themselves in mode %s with %s', (mode, retention, expected) => {
    const settings = parseSettings({
      ETCD_AUTO_COMPACTION_MODE: mode,
      ETCD_AUTO_COMPACTION_RETENTION: retention,
    })
    expect(settings.autoCompaction).toEqual(expected)
  })

  it.each([
    [{ ETCD_QUOTA_BACKEND_BYTES: '1.5' }, 'ETCD_QUOTA_BACKEND_BYTES must be a whole number'],
    [{ ETCD_QUOTA_BACKEND_BYTES: '9'.repeat(20) }, 'ETCD_QUOTA_BACKEND_BYTES is out of range'],
    [{ ETCD_MAX_REQUEST_BYTES: '-1' }, 'ETCD_MAX_REQUEST_BYTES must not be negative'],
    [{ ETCD_MAX_REQUEST_BYTES: '31457281' }, 'ETCD_MAX_REQUEST_BYTES must be at most 31457280'],
    [{ ETCD_MAX_TXN_OPS: 'many' }, 'ETCD_MAX_TXN_OPS must be a whole number'],
    [{ ETCD_MAX_TXN_OPS: 5 }, 'ETCD_MAX_TXN_OPS must be a text'],
    [
      { ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL_MS: '0' },
      'ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL_MS must be milliseconds, more than 0',
    ],
    [
      { ETCD_ADVERTISE_CLIENT_URLS: 'http://a,b' },
      'ETCD_ADVERTISE_CLIENT_URLS must be URLs with commas between',
    ],
    [
      { ETCDURABLE_SNAPSHOT_LAG_SECONDS: '0' },
      'ETCDURABLE_SNAPSHOT_LAG_SECONDS must be seconds, more than 0',
    ],
    [{ ETCD_METRICS: 'all' }, 'ETCD_METRICS must be basic or extensive'],
    [{ EMBEDDED: 'yes' }, 'EMBEDDED must be true or false'],
    [
      { ETCD_AUTO_COMPACTION_MODE: 'never' },
      'ETCD_AUTO_COMPACTION_MODE must be periodic or revision',
    ],
    [
      { ETCD_AUTO_COMPACTION_RETENTION: 'soon' },
      'ETCD_AUTO_COMPACTION_RETENTION must be a number of hours or a duration',
    ],
    [
      { ETCD_AUTO_COMPACTION_RETENTION: '-1h' },
      'ETCD_AUTO_COMPACTION_RETENTION must be a number of hours or a duration',
    ],
    [
      { ETCD_AUTO_COMPACTION_MODE: 'revision', ETCD_AUTO_COMPACTION_RETENTION: '1h' },
      'ETCD_AUTO_COMPACTION_RETENTION must be a number of revisions',
    ],
  ])('[CFG3] refuse %j by name and reason', (variables, message) => {
    expect(() => parseSettings(variables)).toThrow(new SettingsError(message))
  })

  it('[CFG3] name all that is wrong at once', () => {
    expect(() => parseSettings({ ETCD_METRICS: 'x', EMBEDDED: 'x' })).toThrow(
      'ETCD_METRICS must be basic or extensive; EMBEDDED must be true or false',
    )
  })
})
