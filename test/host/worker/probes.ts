import { alarmProbes } from './alarm-probes.ts'
import { lifeProbes } from './life-probes.ts'
import { socketProbes } from './socket-probes.ts'
import { sqlProbes } from './sql-probes.ts'
import type { Probe } from './words.ts'

/** By name. */
export const probes: Readonly<Record<string, Probe>> = {
  ...sqlProbes,
  ...alarmProbes,
  ...lifeProbes,
  ...socketProbes,
}
