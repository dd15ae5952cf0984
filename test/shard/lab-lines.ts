import { runInDurableObject } from 'cloudflare:test'
import { expect } from 'vitest'
import type { FaultRpc, LineFault } from '../../src/protocol/fault-rpc.ts'
import { isRefused } from '../../src/protocol/shard-rpc.ts'
import { isFeed } from '../../src/replica/feed-sockets.ts'
import type { Replica } from '../../src/replica/replica.ts'
import { call, range, RANGE } from './calls.ts'
import type { LedAndReplica } from './replica-objects.ts'

/** Where the keyspace's own object is, as far as faults know. */
const OWN_REGION = 'enam'
const REGION = 'weur'

/** Of the lines of a lab's object, as long as nothing else is said. */
export function fault(changed: Partial<LineFault> = {}): LineFault {
  const until = Date.now() + 600_000
  return { until, isCut: false, unreachable: [], ownRegion: OWN_REGION, slowMs: 0, ...changed }
}

function openFeeds(object: DurableObjectStub<Replica>, use: (socket: WebSocket) => void) {
  return runInDurableObject(object, (_, state) => {
    const open = state
      .getWebSockets()
      .filter((socket) => isFeed(socket) && socket.readyState === WebSocket.OPEN)
    open.forEach((socket) => use(socket))
    return open.length
  })
}

/** How many sockets the leader pushes frames over. */
export function feedSockets(replica: DurableObjectStub<Replica>): Promise<number> {
  return openFeeds(replica, () => undefined)
}

/** One of the two closes what frames are pushed over, without a word to the other. */
export async function cutFeed(
  { leader, replica }: LedAndReplica,
  by: 'leader' | 'replica',
): Promise<void> {
  if (by === 'leader') {
    await leader.setFault(fault({ unreachable: [REGION] }))
    await leader.setFault(fault())
  } else {
    await openFeeds(replica, (socket) => socket.close(1001))
  }
}

/** The object is lost with its memory. */
export async function crashed(object: Pick<FaultRpc, 'crash'>): Promise<void> {
  await object.crash().catch(() => undefined)
}

/** Waits until the replica has acknowledged all that there is. The leader hears of it by what it asks. */
export async function untilCurrent({ leader, replica }: LedAndReplica): Promise<void> {
  const isCurrent = async (): Promise<boolean> => {
    await call(replica, RANGE, range('a'))
    const told = await leader.replicas()
    return !isRefused(told) && told.replicas.every(({ state }) => state === 'current')
  }
  await expect.poll(isCurrent, { interval: 5, timeout: 20_000 }).toBe(true)
}
