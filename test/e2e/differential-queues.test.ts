import { expect, it, onTestFinished } from 'vitest'
import { etcdMissing, startEtcd } from '../oracle/etcd.ts'
import { seeds } from '../runs.ts'
import { keyOf, QueuePair, queues, rangeOf } from './compared-queues.ts'
import { GrpcClient } from './grpc-client.ts'
import { base64, type JsonObject } from './http.ts'
import { Random } from './random.ts'
import { Target } from './target.ts'

const stepsPerSeed = 120
const leases = [1, 2, 3, 4, 5]
/** How long those wait who do not wait for ever. */
const patienceMs = 300

it.for(seeds(2))('[DIF5] queues are those of etcd, seed %d', async (seed, { skip }) => {
  const oracle = await startEtcd()
  if (oracle === undefined) {
    return skip(etcdMissing)
  }
  onTestFinished(() => oracle.stop())
  const target = await Target.start()
  onTestFinished(() => target.stop())
  const [ours, theirs] = [new GrpcClient(target.url), new GrpcClient(oracle.url)] as const
  onTestFinished(() => [ours, theirs].forEach((client) => client.close()))
  const pair = new QueuePair([ours, theirs], oracle.version)
  const random = new Random(seed)
  const grant = (lease: number): Promise<JsonObject> =>
    pair.same({ path: '/v3/lease/grant', message: { ID: String(lease), TTL: '10000' } })
  for (const lease of leases) {
    await grant(lease)
  }
  const seen = { waited: 0, gaveUp: 0 }
  for (let step = 0; step < stepsPerSeed; step++) {
    const [queue, lease] = [random.pick(queues), random.pick(leases)]
    const standing = await pair.standing(queue)
    const key = keyOf({ queue, lease })
    const leader = {
      name: base64(queue),
      key: base64(key),
      rev: String(standing.get(key) ?? 0),
      lease: String(lease),
    }
    const isWaiting = [...pair.waiting].some((each) => keyOf(each) === key)
    switch (random.weighted({ join: 10, leave: 5, revoke: 2, proclaim: 2, look: 1 })) {
      case 'join': {
        if (isWaiting) {
          break
        }
        const isImpatient = random.chance(0.2)
        const message = { name: base64(queue), lease: String(lease) }
        const path = queue === 'l' ? '/v3/lock/lock' : '/v3/election/campaign'
        const answers = pair.ask({ path, message }, isImpatient ? patienceMs : undefined)
        const waiting = { queue, lease, revision: undefined, answers }
        pair.waiting.add(waiting)
        if (isImpatient) {
          seen.gaveUp += (await pair.givesUp(waiting)) ? 1 : 0
        } else {
          await pair.stands(waiting)
          seen.waited++
        }
        break
      }
      case 'leave':
        await pair.same(
          queue === 'l'
            ? { path: '/v3/lock/unlock', message: { key: base64(key) } }
            : { path: '/v3/election/resign', message: { leader } },
        )
        break
      case 'revoke':
        await pair.same({ path: '/v3/lease/revoke', message: { ID: String(lease) } })
        await grant(lease)
        break
      case 'proclaim':
        await pair.same({
          path: '/v3/election/proclaim',
          message: { leader, value: base64(String(step)) },
        })
        break
      case 'look':
        await pair.same({ path: '/v3/election/leader', message: { name: base64(queue) } })
    }
    await pair.settle()
  }
  // Those who still wait have lost their places.
  for (const queue of queues) {
    await pair.same({ path: '/v3/kv/deleterange', message: rangeOf(queue) })
  }
  await pair.settle()
  expect({ waiting: pair.waiting.size }).toEqual({ waiting: 0 })
  expect(Math.min(seen.waited, seen.gaveUp)).toBeGreaterThan(3)
})
