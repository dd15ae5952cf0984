// Of the lab's process and of its page alike: the browser loads this file too.

import type { Limits } from './told.ts'

/** What is tried out. The lab does it, and a link can hold it. */
export interface Experiment {
  /** The region that is to lead. */
  readonly leader: string
  /** Regions that nothing goes to or comes from. */
  readonly cut: readonly string[]
  /** Regions whose host is down. */
  readonly stopped: readonly string[]
  /** Milliseconds that each round trip to a region takes longer. */
  readonly slow: Readonly<Record<string, number>>
  /** Writes a second of the clients in a region. */
  readonly writes: Readonly<Record<string, number>>
  /** Reads a second of each kind, of the clients in each region. */
  readonly reads: number
}

/** Where nobody has to pay for it. */
export const homeLimits: Limits = { writes: 200, reads: 50 }
export const SLOW_MS_MAX = 2000

/** Two writes a second in the first region, and five reads of each kind in all. */
export function calmExperiment(regions: readonly string[]): Experiment {
  const [leader = ''] = regions
  return { leader, cut: [], stopped: [], slow: {}, writes: { [leader]: 2 }, reads: 5 }
}

/** As the link's text behind `#`, such as `leader=weur&cut=apac&slow=oc:300&writes=weur:20&reads=5`. */
export function experimentText({ leader, cut, stopped, slow, writes, reads }: Experiment): string {
  const fields: (readonly [string, string])[] = [
    ['leader', leader],
    ['cut', cut.join(',')],
    ['stopped', stopped.join(',')],
    ['slow', pairsText(slow)],
    ['writes', pairsText(writes)],
    ['reads', String(reads)],
  ]
  return fields
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

function pairsText(numbers: Readonly<Record<string, number>>): string {
  return Object.entries(numbers)
    .filter(([, value]) => value > 0)
    .map(([region, value]) => `${region}:${value}`)
    .join(',')
}

/** What the text says, of regions that there are; what it does not say, or says wrongly, is none. */
export function readExperiment(
  text: string,
  regions: readonly string[],
  limits: Limits,
): Experiment {
  const fields = new Map(
    text.split('&').map((field) => {
      const [name = '', value = ''] = field.split('=', 2)
      return [name, value] as const
    }),
  )
  const names = (name: string): readonly string[] => {
    const listed = (fields.get(name) ?? '').split(',')
    return regions.filter((region) => listed.includes(region))
  }
  const numbers = (name: string, max: number): Readonly<Record<string, number>> => {
    const pairs = (fields.get(name) ?? '').split(',').map((pair) => pair.split(':', 2))
    return Object.fromEntries(
      pairs.flatMap(([region = '', value = '']) => {
        const number = bounded(value, max)
        return regions.includes(region) && number > 0 ? [[region, number]] : []
      }),
    )
  }
  const [leader = regions[0] ?? ''] = names('leader')
  return {
    leader,
    cut: names('cut'),
    stopped: names('stopped'),
    slow: numbers('slow', SLOW_MS_MAX),
    writes: numbers('writes', limits.writes),
    reads: bounded(fields.get('reads') ?? '', limits.reads),
  }
}

function bounded(text: string, max: number): number {
  return /^\d+$/.test(text) ? Math.min(Number(text), max) : 0
}
