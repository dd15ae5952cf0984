import { createHmac } from 'node:crypto'
import { isIP } from 'node:net'
import type { ClusterSettings } from '../config/cluster.ts'
import { type ClusterBucket, clusterBucket } from './cluster-bucket.ts'
import { initialMembers } from './cluster-members.ts'
import { Failure } from './failure.ts'
import type { ServeFlags } from './flag-table.ts'
import { readToken } from './token-file.ts'

/** What a node of a cluster is started with. */
export interface ClusterPlan {
  readonly settings: ClusterSettings
  readonly bucket: ClusterBucket
  /** Between the runtimes of the nodes. */
  readonly peerKey: string
  /** By which the link of each node is known at all of them. */
  readonly linkSecret: string
}

const KEY_LENGTH_MIN = 32

/** Undefined for one member alone without a bucket, which is no cluster. Throws Failure. */
export function clusterPlan(
  flags: ServeFlags,
  environment: Readonly<Record<string, string | undefined>>,
): ClusterPlan | undefined {
  const members = initialMembers(flags)
  if (flags['cluster-bucket'] === '') {
    requireAlone(flags, members.length)
    return undefined
  }
  const own = members.find(({ name }) => name === flags.name)?.id ?? ''
  const key = clusterKey(flags)
  requireSuitable(flags)
  members.flatMap(({ peerUrls }) => peerUrls).forEach(requirePrivate)
  return {
    settings: { own, members },
    bucket: clusterBucket(flags, environment),
    peerKey: derived(key, flags, 'peers'),
    linkSecret: derived(key, flags, 'link'),
  }
}

function requireAlone(flags: ServeFlags, members: number): void {
  if (members > 1) {
    throw new Failure(
      `--initial-cluster names ${members} members, which need a bucket to share: --cluster-bucket s3://bucket/prefix is missing`,
    )
  }
  const others = [
    'cluster-key-file',
    'cluster-bucket-endpoint',
    'cluster-bucket-region',
    'cluster-bucket-credentials-file',
  ] as const
  const other = others.find((name) => flags[name] !== '')
  if (other !== undefined) {
    throw new Failure(`--${other} is for a cluster: it needs --cluster-bucket s3://bucket/prefix`)
  }
}

function clusterKey(flags: ServeFlags): string {
  const path = flags['cluster-key-file']
  const key = readToken(path)
  if (key === undefined) {
    throw new Failure(
      'a cluster needs a secret that its members share: --cluster-key-file is missing (openssl rand -hex 32 makes one)',
    )
  }
  if (key.length < KEY_LENGTH_MIN) {
    throw new Failure(`${path} holds ${key.length} characters: a cluster's key has at least 32`)
  }
  return key
}

/** Clusters of one key, and uses of it, do not know each other's secrets. */
function derived(key: string, flags: ServeFlags, use: string): string {
  const text = `etcdurable ${use} ${flags['initial-cluster-token']}`
  return createHmac('sha256', key).update(text).digest('hex')
}

/** What would differ from machine to machine, and what nobody could trust. */
function requireSuitable(flags: ServeFlags): void {
  if (flags['snapshot-store'].startsWith('file:')) {
    throw new Failure(
      '--snapshot-store file:// is of one machine: a cluster needs --snapshot-store s3://bucket/prefix',
    )
  }
  if (flags['peer-auto-tls']) {
    throw new Failure(
      '--peer-auto-tls shows nobody who a member is: use --peer-cert-file, --peer-key-file and --peer-trusted-ca-file',
    )
  }
  const urls = flags['listen-peer-urls']
  if (urls.some((url) => 'path' in url)) {
    throw new Failure('--listen-peer-urls of a cluster must be http or https')
  }
  if (urls.some(({ scheme }) => scheme === 'http') && urls.length > 1) {
    throw new Failure('--listen-peer-urls takes one URL where that is http')
  }
  urls.forEach((url) => {
    if ('host' in url && url.scheme === 'http') {
      requirePrivateHost(url.host)
    }
  })
}

function requirePrivate(peerUrl: string): void {
  const url = new URL(peerUrl)
  if (!/^https?:$/.test(url.protocol)) {
    throw new Failure(`a cluster's peer URLs must be http or https: ${peerUrl}`)
  }
  if (url.protocol === 'http:') {
    requirePrivateHost(url.hostname.replace(/^\[|\]$/g, ''))
  }
}

const privateAddress =
  /^(?:127\.|10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::1$|f[cd]|fe[89ab])/i
/** Such as a container has, or a machine of a network of one's own. */
const privateName = /^[^.]+$|\.(?:localhost|local|internal|lan|home\.arpa|svc)$/i

/** Without TLS, whoever is on the way reads and writes along. */
function requirePrivateHost(host: string): void {
  if (!(isIP(host) === 0 ? privateName : privateAddress).test(host)) {
    throw new Failure(
      `http peer URLs are for loopback and private addresses: use https and --peer-cert-file for ${host}`,
    )
  }
}
