import type { Place } from '../../../oracle/place.ts'

/** Where a node runs, how it is reached there, and how it reaches the bucket. */
export interface Ways {
  readonly place: Place
  readonly clientPort: number
  /** Where it listens for other nodes, and where they find it. */
  readonly listenPeerUrl: string
  readonly peerUrl: string
  readonly bucketUrl: string
  /** Such as certificates for the peer URLs. */
  readonly flags: readonly string[]
  close(): void
}
