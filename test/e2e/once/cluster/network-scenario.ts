// A cluster whose nodes, bucket and clients are machines of a network.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { startVersityGw, versityGwMissing } from '../../../oracle/versitygw.ts'
import { passWholeRequests } from '../../../oracle/whole-requests.ts'
import { makeAuthority } from '../../../port/certificates.ts'
import { Cluster } from './cluster.ts'
import { NetworkWays } from './network-ways.ts'
import { type Machine, Network, NetworkRefused } from './network.ts'
import { whileUp } from './scenario.ts'

const BUCKET = 'bucket'
const NODES = ['node-0', 'node-1', 'node-2']

export interface Networked {
  readonly cluster: Cluster<NetworkWays>
  readonly network: Network
  readonly bucket: Machine
}

/** Or a word why the test is skipped. */
export async function withNetwork(
  ctx: TestContext,
  use: (networked: Networked) => Promise<void>,
): Promise<void> {
  const network = await networkOr(ctx)
  const folder = await mkdtemp(join(tmpdir(), 'etcdurable-network-'))
  try {
    const bucket = network.machine(BUCKET)
    const gateway = await startVersityGw(bucket)
    if (gateway === undefined) {
      return ctx.skip(versityGwMissing)
    }
    const authority = await makeAuthority('peers')
    const whole = await passWholeRequests(bucket, gateway.settings.endpoint)
    const ways = await Promise.all(
      NODES.map((name) =>
        NetworkWays.make(network.machine(name), whole.endpoint, authority, folder),
      ),
    )
    try {
      const cluster = await Cluster.start(gateway, ways)
      await whileUp(cluster, () => use({ cluster, network, bucket }))
    } finally {
      await whole.stop()
    }
  } finally {
    await network.close()
    await rm(folder, { recursive: true, force: true })
  }
}

async function networkOr(ctx: TestContext): Promise<Network> {
  try {
    return await Network.make([BUCKET, ...NODES])
  } catch (error) {
    if (error instanceof NetworkRefused) {
      ctx.skip(error.message)
    }
    throw error
  }
}
