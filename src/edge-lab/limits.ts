import type { Limits } from '../lab/told.ts'

// A run is paid for by whoever owns the deployment. docs/lab.md says what that comes to.

/** Operations a second. */
export const edgeLimits: Limits = { writes: 5, reads: 10 }
/** After which a run is over. */
export const RUN_MINUTES = 10
/** After which it is over if nobody looks at it. */
export const UNSEEN_SECONDS = 60
/** A page that is not heard of for so long is gone, or its token is of no use any more. */
export const VIEWER_SECONDS = 20
/** The clients are asked what they have seen, and the pages are told, once in so many ms. */
export const BEAT_MS = 500
/** Clients that nobody has asked for so long stop by themselves. */
export const REST_MS = 5_000
/** What an object's lines are told holds for so long, and is told again before. */
export const FAULT_MS = 15_000
