import type { Region } from '../config/region.ts'
import type { Written } from '../lab/recorder.ts'
import type { OperationKind, Sample } from '../lab/told.ts'

/** What the clients of a region are to do, until they are told otherwise. */
export interface Order {
  readonly keyspace: string
  readonly region: Region
  /** Operations a second. */
  readonly rates: Readonly<Record<OperationKind, number>>
  readonly way: Way
  /** Revisions behind that one were lost, so often. */
  readonly fork: { readonly count: number; readonly revision: number }
}

/** How the keyspace is reached from a region. */
export interface Way {
  /** `lab-1@weur` is the replica there, `lab-1` the leader, wherever it is. Undefined for a region that reaches nobody. */
  readonly address: string | undefined
  /** What they are told then. */
  readonly problem: string
  /** What a request takes longer, in milliseconds. */
  readonly slowMs: number
  /** Whether what the way to the leader takes is to be measured. */
  readonly measured: boolean
}

/** What they have seen since they were asked last. Times are of their own clock, in milliseconds since 1970. */
export interface Report {
  /** The time at which it was made: nothing is missing that was seen before. */
  readonly now: number
  readonly samples: readonly Omit<Sample, 'behind' | 'region'>[]
  readonly sightings: readonly SeenWrite[]
  /** To the leader, in milliseconds; 0 where it is not known. */
  readonly roundTrip: number
}

export interface SeenWrite {
  readonly revision: number
  /** `sent` is of the clock where it was written. */
  readonly write: Written
  readonly time: number
}

/** What the lab asks of the clients of a region. */
export interface EdgeClientRpc {
  work(order: Order): Promise<Report>
  /** One write. Resolves to its revision, or 0 where it failed. */
  write(): Promise<number>
  /** Nothing is done any more. */
  rest(): Promise<void>
}
