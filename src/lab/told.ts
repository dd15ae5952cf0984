// Of the lab's process and of its page alike: what the one tells the other, as JSON.

/** What a page can do to the lab's regions. */
export type Deed = 'write' | 'cut' | 'slow' | 'stop' | 'lead' | 'crash'

/** Operations a second. */
export interface Limits {
  /** Of the clients in a region. */
  readonly writes: number
  /** Of each kind, of the clients in each region. */
  readonly reads: number
}

/** Sent when the page is opened, and when a run begins. */
export interface Opening {
  readonly regions: readonly ToldPlace[]
  /** Where the round trips come from. */
  readonly source: string
  /** The link's text of the experiment that runs. */
  readonly experiment: string
  readonly limits: Limits
  /** How each is done here, in words. */
  readonly deeds: Readonly<Record<Deed, string>>
  /** What is real here, and what is made; in words. */
  readonly truth: string
  /** Of a run that ends by itself, in milliseconds since 1970. */
  readonly endsAt?: number
}

/** Sent where nothing runs yet, or any more. */
export interface Idle {
  /** Those that there may be. */
  readonly regions: readonly Pick<ToldPlace, 'name' | 'title'>[]
  /** Those to begin with. */
  readonly chosen: readonly string[]
  /** How long it runs and what it costs, in words. */
  readonly terms: string
  /** How the last one ended, in words. */
  readonly ended: string
}

export interface ToldPlace {
  readonly name: string
  readonly title: string
  readonly town: string
  readonly latitude: number
  readonly longitude: number
  /** Where etcdctl finds it; empty where that is nowhere. */
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
  /** Messages that have left the leader's region for it, be they calls, answers or of sockets, where they are counted. */
  readonly messages?: number
  /** What one to the leader takes, in milliseconds; 0 where nobody knows yet. */
  readonly roundTrip: number
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
  /** Where a leader was passed over by force that may not know of it; empty where there is none. */
  readonly passedOver: string
  /** How far the clocks of two regions may be apart at most, in milliseconds; 0 where there is one clock. */
  readonly clockMs: number
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
