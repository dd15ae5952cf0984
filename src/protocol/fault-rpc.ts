import type { Region } from '../config/region.ts'

/** What is wrong with the lines of one object of a lab's keyspace, for a while. */
export interface LineFault {
  /** In ms since 1970: then all is well again, whoever has forgotten to say so. */
  readonly until: number
  /** Nobody of the other objects reaches it, and it reaches none. */
  readonly isCut: boolean
  /** Regions whose objects it does not reach. */
  readonly unreachable: readonly Region[]
  /** Where the keyspace's own object is, which has no region in its name. */
  readonly ownRegion: Region
  /** What a round trip to others takes longer. */
  readonly slowMs: number
}

/** What the lab does to the objects of its own keyspace. Those of others refuse it. */
export interface FaultRpc {
  setFault(fault: LineFault): Promise<void>
  /** Loses the object with its memory, and this call with it; the next one makes it anew. */
  crash(): Promise<void>
}
