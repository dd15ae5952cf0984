import type { Region } from '../config/region.ts'
import type { Experiment } from '../lab/experiment.ts'
import type { Scene } from '../lab/lab.ts'
import type { LineFault } from '../protocol/fault-rpc.ts'
import type { Way } from './orders.ts'

/** Whether nobody reaches the region, for one reason or another. */
export function isAway(region: string, { experiment: { cut, stopped } }: Scene): boolean {
  return cut.includes(region) || stopped.includes(region)
}

/** What round trips from there to the leader take longer. */
export function slowOf(region: string, { experiment: { slow }, leader }: Scene): number {
  return region === leader ? 0 : (slow[region] ?? 0) + (slow[leader] ?? 0)
}

interface Told {
  readonly names: readonly Region[]
  /** Where the keyspace's own object is. */
  readonly ownRegion: Region
  readonly until: number
}

/** What is wrong with the lines of the keyspace's object in a region. */
export function faultOf(
  region: Region,
  scene: Scene,
  { names, ownRegion, until }: Told,
): LineFault {
  return {
    until,
    isCut: isAway(region, scene),
    unreachable: names.filter((name) => name !== region && isAway(name, scene)),
    ownRegion,
    slowMs: slowOf(region, scene),
  }
}

/** How clients in a region reach the keyspace. */
export function wayOf(region: Region, keyspace: string, scene: Scene): Way {
  const { experiment, leader, replicas } = scene
  const hasOwn = region === leader || replicas.has(region)
  const isReached = !isAway(region, scene) && !isAway(leader, scene)
  const isDown = experiment.stopped.includes(region)
  return {
    address:
      isDown || (!hasOwn && !isReached)
        ? undefined
        : region === leader || !hasOwn
          ? keyspace
          : `${keyspace}@${region}`,
    problem: isDown ? 'the region is down' : 'the leader is not reached',
    slowMs: hasOwn ? 0 : slowOf(region, scene),
    measured: isReached && region !== leader,
  }
}

/** What is other than it was, in words. */
export function happened(before: Experiment | undefined, now: Experiment): readonly string[] {
  const told = (name: 'cut' | 'stopped', begun: string, over: string): readonly string[] => [
    ...now[name]
      .filter((one) => before?.[name].includes(one) !== true)
      .map((one) => `${one} ${begun}`),
    ...(before?.[name] ?? [])
      .filter((one) => !now[name].includes(one))
      .map((one) => `${one} ${over}`),
  ]
  return [
    ...told('cut', 'is cut off', 'is reached again'),
    ...told('stopped', 'is down', 'is up again'),
  ]
}
