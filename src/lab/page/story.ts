import type { Experiment } from '../experiment.ts'
import type { ToldRegion } from '../told.ts'
import { msText } from './element.ts'

export interface Scene {
  readonly experiment: Experiment
  readonly regions: Readonly<Record<string, ToldRegion>>
  /** By name. */
  readonly titles: ReadonlyMap<string, string>
  /** Where a leader was passed over by force; empty where there is none. */
  readonly passedOver: string
}

/** What happens just now, in sentences, the most telling first. */
export function story({ experiment, regions, titles, passedOver }: Scene): readonly string[] {
  const named = (region: string): string => titles.get(region) ?? region
  const [leader] = Object.entries(regions).find(([, { role }]) => role === 'leader') ?? []
  const told: string[] = []
  if (leader !== undefined && leader !== experiment.leader) {
    told.push(
      `The leader moves from ${named(leader)} to ${named(experiment.leader)}: writes wait until the new one has all that the old one had.`,
    )
  }
  if (passedOver !== '' && !experiment.stopped.includes(passedOver)) {
    told.push(
      `${named(passedOver)} was passed over by force, and has not heard of it. It still answers its own region as if it led: what it acknowledges is lost, and its linearizable reads miss what the others write. That is the price of force.`,
    )
  }
  for (const region of experiment.stopped) {
    told.push(
      region === leader
        ? `The leader's region is down. Nobody can write, and linearizable reads fail everywhere: without the leader nobody knows what is newest. Replicas go on answering serializable reads from what they have. Let another region lead to go on.`
        : `${named(region)} is down. Its clients reach nothing; nobody else notices, because no write waits for a replica.`,
    )
  }
  for (const region of experiment.cut.filter((one) => !experiment.stopped.includes(one))) {
    told.push(
      region === leader
        ? `The leader is cut off. Its own region reads and writes as before; all others have only serializable reads, which grow older.`
        : `${named(region)} is cut off. Serializable reads there still take a millisecond, from what was there ${ageOf(regions[region])}. Linearizable reads and writes fail: they need the leader.`,
    )
  }
  for (const [region, ms] of Object.entries(experiment.slow)) {
    told.push(
      `Each round trip to ${named(region)} takes ${msText(ms)} longer. Serializable reads there do not notice; linearizable reads and writes take it whole.`,
    )
  }
  const without = Object.entries(regions).filter(([, { role }]) => role === 'none')
  if (without.length > 0) {
    const names = without.map(([region]) => named(region)).join(', ')
    told.push(`${names}: no replica yet. Who reads there asks the leader each time.`)
  }
  const words =
    told.length > 0 ? told : [calm(experiment, leader === undefined ? '' : named(leader))]
  return isOnePlace(regions) ? [...words, ONE_PLACE] : words
}

const ONE_PLACE =
  'All replicas are within five milliseconds of the leader: here a wish for a region has no effect, and everything is in one place.'

function isOnePlace(regions: Scene['regions']): boolean {
  const replicas = Object.values(regions).filter(({ role }) => role === 'replica')
  return replicas.length > 0 && replicas.every(({ roundTrip }) => roundTrip > 0 && roundTrip < 5)
}

function calm({ writes }: Experiment, leader: string): string {
  const far = Object.keys(writes).length > 1 ? ' Writers elsewhere wait a round trip to it.' : ''
  return `${leader} leads: all writes go there, and are acknowledged when they are on disk.${far} Each replica hears of them half a round trip later. A serializable read is answered next door and may be that old; a linearizable one asks the leader first, and so costs one round trip.`
}

function ageOf(region: ToldRegion | undefined): string {
  if (region === undefined || region.lagRevisions === 0) {
    return 'when the line went dead, and nothing was written since'
  }
  return `${msText(region.lagMs)} ago (${region.lagRevisions} revisions are missing)`
}
