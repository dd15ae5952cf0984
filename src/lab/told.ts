// Of the lab's process and of its page alike: what the one tells the other, as JSON.

/** Sent once, when the page is opened. */
export interface Opening {
  readonly regions: readonly ToldPlace[]
  /** Milliseconds between two regions, by `a-b`, in both orders. */
  readonly roundTrips: Readonly<Record<string, number>>
  readonly source: string
  /** The link's text of the experiment that runs. */
  readonly experiment: string
}

export interface ToldPlace {
  readonly name: string
  readonly title: string
  readonly town: string
  readonly latitude: number
  readonly longitude: number
  /** Where etcdctl finds it. */
  readonly url: string
}

export type OperationKind = 'write' | 'linearizable' | 'serializable'

/** What became of a read or a write of the lab's clients. */
export interface Sample {
  /** Milliseconds since 1970, when it was answered. */
  readonly time: number
  /** Where the client is. */
  readonly region: string
  readonly kind: OperationKind
  readonly ms: number
  /** What the answer's header says; 0 where there was none. */
  readonly revision: number
  /** Revisions that had been acknowledged to anybody before the read was sent, and are not in its answer. */
  readonly behind: number
  /** Empty where it succeeded. */
  readonly error: string
}

/** A write has come to the watchers of a region. */
export interface Sighting {
  readonly revision: number
  /** Where it was written. */
  readonly from: string
  readonly region: string
  /** Milliseconds since it was sent. */
  readonly ms: number
}

export interface ToldRegion {
  readonly role: 'leader' | 'replica' | 'none'
  readonly isRunning: boolean
  /** The last revision that its watchers have heard of. */
  readonly revision: number
  readonly lagRevisions: number
  /** How old the first write is that they have not heard of; else how long the last one took. */
  readonly lagMs: number
  /** Messages that have left the leader's region for it, be they calls, answers or of sockets. */
  readonly messages: number
}

/** Sent five times a second. */
export interface Tick {
  readonly time: number
  readonly experiment: string
  /** The last revision that was acknowledged. */
  readonly revision: number
  readonly regions: Readonly<Record<string, ToldRegion>>
  readonly samples: readonly Sample[]
  readonly sightings: readonly Sighting[]
  /** What has happened, in words. */
  readonly events: readonly string[]
  /** Since the lab began. */
  readonly totals: Totals
}

export interface Totals {
  readonly linearizable: number
  /** Linearizable reads that missed what had been acknowledged before they were sent: there are to be none. */
  readonly violations: number
  readonly serializable: number
  /** Serializable reads whose answer was behind. */
  readonly stale: number
  /** Acknowledged writes that went with a leader whose place another one took by force. */
  readonly lost: number
}
