import { calmExperiment, type Experiment } from '../experiment.ts'
import type { Limits } from '../told.ts'

export interface Preset {
  readonly title: string
  readonly hint: string
  readonly experiment: Experiment
}

/** Experiments to begin with. */
export function presets(regions: readonly string[], limits: Limits): readonly Preset[] {
  const [some, many] = [Math.min(10, limits.writes), Math.min(100, limits.writes)]
  const calm = calmExperiment(regions)
  const [leader = '', second = leader] = regions
  const far = regions.at(-1) ?? leader
  return [
    { title: 'Calm', hint: 'One writer, readers everywhere', experiment: calm },
    {
      title: 'Everybody writes',
      hint: `${some} writes a second in each region`,
      experiment: { ...calm, writes: Object.fromEntries(regions.map((name) => [name, some])) },
    },
    {
      title: 'A busy leader',
      hint: `${many} writes a second beside the leader`,
      experiment: { ...calm, writes: { [leader]: many } },
    },
    {
      title: 'A slow ocean',
      hint: `200 ms more to ${far}`,
      experiment: { ...calm, slow: { [far]: 200 } },
    },
    {
      title: 'A region cut off',
      hint: `Nothing passes to and from ${second}`,
      experiment: { ...calm, cut: [second] },
    },
    {
      title: 'The leader cut off',
      hint: `Nothing passes to and from ${leader}`,
      experiment: { ...calm, cut: [leader] },
    },
    {
      title: 'The leader moves',
      hint: `${second} leads; nothing is lost`,
      experiment: { ...calm, leader: second },
    },
    {
      title: 'The leader is lost',
      hint: `${leader} is down, and ${second} leads with what it has`,
      experiment: { ...calm, leader: second, stopped: [leader], writes: { [second]: 2 } },
    },
  ]
}
