import { createHash } from 'node:crypto'
import type { InitialMember } from '../config/cluster.ts'
import { Failure } from './failure.ts'
import type { ServeFlags } from './flag-table.ts'
import { clientUrlProblem } from './listen-url.ts'

type Flags = Pick<
  ServeFlags,
  'name' | 'initial-cluster' | 'initial-cluster-token' | 'initial-advertise-peer-urls'
>

/**
 * The members that `--initial-cluster` names, this one among them, with etcd's ids: by their names, and each
 * name may stand there with several URLs. Throws Failure, in etcd's words where it has some.
 */
export function initialMembers(flags: Flags): readonly InitialMember[] {
  const { name, 'initial-cluster': cluster } = flags
  const advertised = flags['initial-advertise-peer-urls'].split(',')
  const urls = cluster === '' ? new Map([[name, advertised]]) : urlsByName(cluster)
  const own = urls.get(name)
  if (own === undefined) {
    throw new Failure(
      `couldn't find local name "${name}" in the initial cluster configuration "${cluster}"`,
    )
  }
  if (urls.size > 1) {
    requireSame(own, advertised)
  }
  const members = [...urls].map(([memberName, peerUrls]) => {
    const sorted = peerUrls.toSorted()
    return {
      id: memberId(sorted, flags['initial-cluster-token']),
      name: memberName,
      peerUrls: sorted,
    }
  })
  const taken = new Set(members.flatMap(({ peerUrls }) => peerUrls))
  if (taken.size < members.flatMap(({ peerUrls }) => peerUrls).length) {
    throw new Failure(`--initial-cluster names a URL twice: "${cluster}"`)
  }
  return members
}

function urlsByName(cluster: string): ReadonlyMap<string, string[]> {
  const urls = new Map<string, string[]>()
  for (const item of cluster.split(',')) {
    const [, name = '', url = ''] = /^([^=]*)=(.*)$/.exec(item.trim()) ?? []
    const problem = name === '' ? `must be NAME=URL: ${item}` : clientUrlProblem(url)
    if (problem !== undefined) {
      throw new Failure(`invalid value "${cluster}" for --initial-cluster: ${problem}`)
    }
    urls.set(name, [...(urls.get(name) ?? []), url])
  }
  return urls
}

/** Others would look for this member where it does not listen. */
function requireSame(named: readonly string[], advertised: readonly string[]): void {
  const missing = named.find((url) => !advertised.includes(url))
  if (missing !== undefined) {
    throw new Failure(
      `--initial-cluster has ${missing} but missing from --initial-advertise-peer-urls=${advertised.join(',')}`,
    )
  }
  const unnamed = advertised.find((url) => !named.includes(url))
  if (unnamed !== undefined) {
    throw new Failure(
      `--initial-advertise-peer-urls has ${unnamed} but missing from --initial-cluster=${named.join(',')}`,
    )
  }
}

/** As etcd derives it (api/membership/member.go), a uint64 in decimal. */
function memberId(sortedUrls: readonly string[], token: string): string {
  const hash = createHash('sha1')
    .update(`${sortedUrls.join('')}${token}`)
    .digest()
  return hash.readBigUInt64BE(0).toString()
}
