import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clusterBucket } from '../../src/cli/cluster-bucket.ts'
import { initialMembers } from '../../src/cli/cluster-members.ts'
import { ClusterPeers } from '../../src/cli/cluster-peers.ts'
import { type ClusterPlan, clusterPlan } from '../../src/cli/cluster-plan.ts'
import { openDataDirectory } from '../../src/cli/data-directory.ts'
import { Failure } from '../../src/cli/failure.ts'
import type { ServeFlags } from '../../src/cli/flag-table.ts'
import { parseServeFlags } from '../../src/cli/flags.ts'
import { Log } from '../../src/cli/log.ts'
import { shardUniqueKey, workerdConfig } from '../../src/cli/workerd-config.ts'

const KEY = '0123456789abcdef0123456789abcdef'
const secrets = { AWS_ACCESS_KEY_ID: 'the-id', AWS_SECRET_ACCESS_KEY: 'hidden-word' }

let folder = ''
let keyFlag = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'etcdurable-cluster-'))
  await writeFile(join(folder, 'key'), `${KEY}\n`)
  keyFlag = `--cluster-key-file=${join(folder, 'key')}`
})

afterAll(() => rm(folder, { recursive: true }))

function flagsOf(args: readonly string[]): ServeFlags {
  return parseServeFlags(args, {}).flags
}

function lineOf(work: () => unknown): string {
  try {
    work()
    return ''
  } catch (error) {
    if (error instanceof Failure) {
      return error.message
    }
    throw error
  }
}

/** Of a member `m1` of two, at http or https. */
function memberArgs(scheme = 'http'): readonly string[] {
  const [own, other] = [`${scheme}://10.0.0.1:2380`, `${scheme}://10.0.0.2:2380`]
  return [
    '--name=m1',
    `--initial-cluster=m1=${own},m2=${other}`,
    `--initial-advertise-peer-urls=${own}`,
    `--listen-peer-urls=${own}`,
  ]
}

function plan(...args: readonly string[]): ClusterPlan | undefined {
  const flags = flagsOf([...memberArgs(), '--cluster-bucket=s3://b1/p', keyFlag, ...args])
  return clusterPlan(flags, secrets)
}

function planLine(...args: readonly string[]): string {
  return lineOf(() => clusterPlan(flagsOf([...memberArgs(), ...args]), secrets))
}

describe('--initial-cluster', () => {
  it('[CLU1] names members by the ids that etcd gives them', () => {
    // As etcd's own Procfile starts them, and as one alone.
    const [one, two, three] = [12380, 22380, 32380].map((port) => `http://127.0.0.1:${port}`)
    const flags = flagsOf([
      '--name=infra1',
      `--initial-cluster=infra1=${one},infra2=${two},infra3=${three}`,
      `--initial-advertise-peer-urls=${one}`,
      '--initial-cluster-token=etcd-cluster-1',
    ])
    expect(initialMembers(flags)).toEqual([
      { id: BigInt('0x8211f1d0f64f3269').toString(), name: 'infra1', peerUrls: [one] },
      { id: BigInt('0x91bc3c398fb3c146').toString(), name: 'infra2', peerUrls: [two] },
      { id: BigInt('0xfd422379fda50e48').toString(), name: 'infra3', peerUrls: [three] },
    ])
    expect(initialMembers(flagsOf([]))).toEqual([
      {
        id: BigInt('0x8e9e05c52164694d').toString(),
        name: 'default',
        peerUrls: ['http://localhost:2380'],
      },
    ])
  })

  it('[CLU1] names a member with several URLs several times', () => {
    const [first, second] = ['http://10.0.0.2:1', 'http://10.0.0.1:1']
    const args = [
      '--name=m1',
      `--initial-cluster=m1=${first},m2=http://10.0.0.3:1,m1=${second}`,
      `--initial-advertise-peer-urls=${first},${second}`,
    ]
    expect(initialMembers(flagsOf(args)).map(({ peerUrls }) => peerUrls)).toEqual([
      [second, first],
      ['http://10.0.0.3:1'],
    ])
  })

  it.each([
    ['m1=http://10.0.0.1:2380', '', ''],
    ['m2=http://10.0.0.2:2380', '', 'couldn\'t find local name "m1" in the initial cluster config'],
    ['m1=http://10.0.0.1:2380,m2', '', 'must be NAME=URL: m2'],
    ['m1=http://10.0.0.1:2380,m2=ftp://a:1', '', 'URL scheme must be http'],
    [
      'm1=http://10.0.0.3:1,m2=http://10.0.0.2:1',
      '',
      'has http://10.0.0.3:1 but missing from --ini',
    ],
    ['m1=http://10.0.0.1:2380,m2=http://10.0.0.1:2380', '', 'names a URL twice'],
  ])('[FLG4] [CLU2] is refused where it does not fit this member: %s %s', (cluster, _, problem) => {
    const own = '--initial-advertise-peer-urls=http://10.0.0.1:2380'
    const flags = flagsOf(['--name=m1', `--initial-cluster=${cluster}`, own])
    const line = lineOf(() => initialMembers(flags))
    expect(problem === '' ? line === '' : line.includes(problem)).toBe(true)
  })
})

describe('a cluster', () => {
  it('[CLU3] is what one member alone is not, and what needs a bucket and a key', () => {
    expect(clusterPlan(flagsOf(['--name=m1', '--initial-cluster=m1=http://a:1']), {})).toBe(
      undefined,
    )
    expect(planLine()).toBe(
      '--initial-cluster names 2 members, which need a bucket to share: --cluster-bucket s3://bucket/prefix is missing',
    )
    expect(planLine('--cluster-bucket=s3://bucket/p')).toMatch(/--cluster-key-file is missing/)
    expect(lineOf(() => clusterPlan(flagsOf([keyFlag]), {}))).toMatch(
      /^--cluster-key-file is for a /,
    )
  })

  it.each([
    ['--snapshot-store=file:///snapshots', '--snapshot-store file:// is of one machine'],
    ['--peer-auto-tls', '--peer-auto-tls shows nobody who a member is'],
    ['--listen-peer-urls=unix:///run/peer.sock', 'must be http or https'],
    ['--listen-peer-urls=http://10.0.0.1:1,http://10.0.0.1:2', 'takes one URL where that is http'],
    [
      '--cluster-bucket=https://bucket',
      '--cluster-bucket must be a URL such as s3://bucket/prefix',
    ],
    ['--cluster-bucket-endpoint=store', '--cluster-bucket-endpoint must be a URL'],
  ])('[CLU3] refuses what one machine has, or nobody can use: %s', (argument, problem) => {
    expect(planLine('--cluster-bucket=s3://bucket/p', keyFlag, argument)).toContain(problem)
  })

  it('[CLU3] has a key of 32 characters', async () => {
    await writeFile(join(folder, 'short'), 'short')
    const flag = `--cluster-key-file=${join(folder, 'short')}`
    expect(planLine('--cluster-bucket=s3://bucket/p', flag)).toContain('holds 5 characters')
  })

  it.each([
    ['http://127.0.0.1:1', true],
    ['http://192.168.3.4:1', true],
    ['http://172.31.0.1:1', true],
    ['http://100.64.0.1:1', true],
    ['http://[fd00::1]:1', true],
    ['http://etcd-0:1', true],
    ['http://etcd-0.etcd.default.svc:1', true],
    ['http://172.32.0.1:1', false],
    ['http://8.8.8.8:1', false],
    ['http://[2001:db8::1]:1', false],
    ['http://etcd.example.com:1', false],
    ['https://8.8.8.8:1', true],
  ])('[CLU4] has a peer at %s: %s', (url, isTaken) => {
    const args = [`--initial-cluster=m1=http://10.0.0.1:2380,m2=${url}`, keyFlag]
    const line = planLine('--cluster-bucket=s3://bucket/p', ...args)
    expect(
      line === '' ? true : line.startsWith('http peer URLs are for loopback') ? false : line,
    ).toBe(isTaken)
  })

  it('[CLU5] has secrets of its key and token, which are the same at each node', () => {
    const other = [
      '--name=m2',
      '--initial-advertise-peer-urls=http://10.0.0.2:2380',
      '--listen-peer-urls=http://10.0.0.2:2380',
    ]
    expect(plan(...other)?.peerKey).toBe(plan()?.peerKey)
    expect(plan(...other)?.linkSecret).toBe(plan()?.linkSecret)
    const known = [
      KEY,
      plan()?.peerKey,
      plan()?.linkSecret,
      plan('--initial-cluster-token=x')?.peerKey,
    ]
    expect(new Set(known).size).toBe(4)
    expect(plan(...other)?.settings.own).toBe(plan()?.settings.members[1]?.id)
  })

  it('[CLU5] tells workerd of bucket, credentials and addresses', async () => {
    const file = join(folder, 'credentials')
    await writeFile(file, '[default]\naws_access_key_id = id\naws_secret_access_key = word\n')
    const args = [
      '--cluster-bucket=s3://bucket/p',
      '--cluster-bucket-endpoint=http://10.0.0.9:9000/',
      '--cluster-bucket-region=auto',
      `--cluster-bucket-credentials-file=${file}`,
      keyFlag,
    ]
    const plain = flagsOf([...memberArgs(), ...args])
    const made = clusterPlan(plain, {})
    expect(made?.bucket).toEqual({
      url: 's3://bucket/p',
      options: [
        'aws_endpoint=http://10.0.0.9:9000',
        'aws_region=auto',
        'aws_access_key_id=id',
        'aws_secret_access_key=word',
      ],
    })
    if (made === undefined) {
      return
    }
    const log = new Log(plain)
    const { addresses } = new ClusterPeers(plain, made, log)
    expect(addresses).toEqual({ listen: '10.0.0.1:2380', advertise: '10.0.0.1:2380' })
    const config = workerdConfig({
      directory: '/nowhere',
      storage: '/nowhere',
      addresses: [],
      modules: new Map(),
      variables: new Map(),
      cluster: { bucket: made.bucket, addresses, key: made.peerKey, stopMs: 1 },
    })
    expect(config).toMatch(/cluster = \(\n {4}bucket = "s3:\/\/bucket\/p",/)
    expect(config).toContain(`key = "${made.peerKey}"`)
    const secure = flagsOf([...memberArgs('https'), ...args])
    const secureAddresses = new ClusterPeers(secure, clusterPlan(secure, {}) ?? made, log).addresses
    expect(secureAddresses.listen).toBe('127.0.0.1:0')
    expect(secureAddresses.advertise).toMatch(/^127\.\d+\.\d+\.\d+:[12]\d{4}$/)
    const mixed = { ...secure, 'listen-peer-urls': plain['listen-peer-urls'] }
    expect(
      lineOf(() => new ClusterPeers(mixed, clusterPlan(secure, {}) ?? made, log).addresses),
    ).toContain('must both be https, or both http')
  })

  it('[CLU5] finds the credentials of gs:// by itself, and needs some for s3://', () => {
    expect(clusterBucket(flagsOf(['--cluster-bucket=gs://bucket/p']), {})).toEqual({
      url: 'gs://bucket/p',
      options: [],
    })
    const regional = flagsOf(['--cluster-bucket=gs://bucket', '--cluster-bucket-region=auto'])
    expect(lineOf(() => clusterBucket(regional, {}))).toContain('--cluster-bucket-region is for S3')
    const line = lineOf(() => clusterBucket(flagsOf(['--cluster-bucket=s3://bucket']), {}))
    expect(line).toContain('--cluster-bucket needs credentials')
    const options = clusterBucket(flagsOf(['--cluster-bucket=s3://bucket']), {
      ...secrets,
      AWS_SESSION_TOKEN: 'session',
      AWS_DEFAULT_REGION: 'eu-west-1',
    }).options
    expect(options).toContain('aws_endpoint=https://s3.eu-west-1.amazonaws.com')
    expect(options).toContain('aws_token=session')
  })

  it('[CLU6] has no data directory of a member alone, nor the other way round', () => {
    const [alone, node] = [join(folder, 'alone'), join(folder, 'node')]
    openDataDirectory(join(alone, 'shard', shardUniqueKey)).release()
    expect(lineOf(() => openDataDirectory(alone, true))).toContain('one member alone has stored')
    openDataDirectory(join(node, 'cluster', shardUniqueKey)).release()
    expect(lineOf(() => openDataDirectory(node))).toContain('--cluster-bucket is missing')
    openDataDirectory(node, true).release()
    openDataDirectory(alone).release()
  })
})
