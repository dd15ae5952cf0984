import type { Deed } from '../lab/told.ts'
import { edgeLimits, RUN_MINUTES, UNSEEN_SECONDS } from './limits.ts'

/** How each is done where no line can be cut and no machine be stopped. */
export const edgeDeeds: Readonly<Record<Deed, string>> = {
  write: 'A client in the region writes once. This is real.',
  cut: "Made: the objects of the lab's keyspace refuse what would pass between this region and the others. Cloudflare's own network cannot be cut.",
  slow: 'Made: 200 ms are waited, in each round trip between this region and the leader, on top of the real way.',
  stop: 'Made: as a cut, and the clients of the region are answered by nobody. The object itself cannot be stopped.',
  lead: 'Real: the leader moves to the region. Where it is cut off or stopped, the move is forced, and another one leads with what it has.',
  crash:
    "Real: the leader's object is aborted and loses its memory; the next call makes it anew from its storage.",
}

export const EDGE_TRUTH =
  "The keyspace, its replicas and its clients are Durable Objects, put into these regions by location hints, which Cloudflare takes as wishes: the round trips that are shown are measured, and tell where they are. A client's request starts inside of its region, at a Worker's own gateway. Each page that is open shows the same lab."

export const EDGE_SOURCE =
  'measured in each region every two seconds, by a read that the leader answers; the median of five'

export const TERMS =
  `It runs for ${RUN_MINUTES} minutes at most, and ends after ${UNSEEN_SECONDS} seconds without a page that looks at it. ` +
  `Then the keyspace is deleted. At most ${edgeLimits.writes} writes and ${2 * edgeLimits.reads} reads a second come from each region. ` +
  'Beyond what Cloudflare includes, a run as it begins costs about 4 cents with six regions; with nine, and everything turned up, about 55.'
