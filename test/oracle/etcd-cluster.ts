// A real etcd of three members on this machine.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import { findInstalled } from './installed.ts'

interface EtcdMember {
  readonly url: string
  readonly pid: number
}

export interface EtcdCluster {
  readonly leader: EtcdMember
  readonly follower: EtcdMember
  stop(): Promise<void>
}

const MEMBERS = 3
const READY_MS_MAX = 30_000

/** Undefined where etcd is not installed. */
export async function startEtcdCluster(): Promise<EtcdCluster | undefined> {
  const binary = await findInstalled('etcd', process.env['ETCD_BINARY'])
  if (binary === undefined) {
    return undefined
  }
  const folder = await mkdtemp(join(tmpdir(), 'etcd-cluster-'))
  const members: { name: string; url: string; peerUrl: string }[] = []
  for (let place = 0; place < MEMBERS; place++) {
    const [port, peerPort] = [await freePort(), await freePort()]
    const [url, peerUrl] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`]
    members.push({ name: `member-${place}`, url, peerUrl })
  }
  const cluster = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')
  const children = members.map(({ name, url, peerUrl }) =>
    spawn(
      binary,
      [
        `--name=${name}`,
        `--data-dir=${join(folder, name)}`,
        `--listen-client-urls=${url}`,
        `--advertise-client-urls=${url}`,
        `--listen-peer-urls=${peerUrl}`,
        `--initial-advertise-peer-urls=${peerUrl}`,
        `--initial-cluster=${cluster}`,
        '--log-level=error',
      ],
      { stdio: 'ignore' },
    ),
  )
  const killAll = (): void => children.forEach((child) => child.kill('SIGKILL'))
  process.once('exit', killAll)
  const stop = async (): Promise<void> => {
    killAll()
    await Promise.all(children.map(ended))
    process.off('exit', killAll)
    await rm(folder, { recursive: true, force: true })
  }
  const deadline = Date.now() + READY_MS_MAX
  for (; Date.now() < deadline; await sleep(100)) {
    const leads = await placeOfLeader(members.map(({ url }) => url))
    if (leads !== undefined) {
      const memberAt = (place: number): EtcdMember => ({
        url: members[place]?.url ?? '',
        pid: children[place]?.pid ?? 0,
      })
      return { leader: memberAt(leads), follower: memberAt((leads + 1) % MEMBERS), stop }
    }
  }
  await stop()
  throw new Error(`${binary} has no leader in ${READY_MS_MAX} ms`)
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, 'exit')
  }
}

/** Undefined while not all of them know who leads. */
async function placeOfLeader(urls: readonly string[]): Promise<number | undefined> {
  const statuses: { readonly leader?: string; readonly header: { readonly member_id: string } }[] =
    []
  try {
    for (const url of urls) {
      const answer = await fetch(`${url}/v3/maintenance/status`, { method: 'POST', body: '{}' })
      statuses.push((await answer.json()) as (typeof statuses)[number])
    }
  } catch (error) {
    // The port is not open yet.
    if (error instanceof TypeError) {
      return undefined
    }
    throw error
  }
  const [first] = statuses
  const agree = statuses.every(({ leader = '0' }) => leader !== '0' && leader === first?.leader)
  const place = statuses.findIndex(({ header }) => header.member_id === first?.leader)
  return agree && place >= 0 ? place : undefined
}
