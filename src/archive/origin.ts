import * as z from 'zod'

/** Whose an object is. All but a claim's epoch is the same in a whole archive. */
export const origin = z.object({
  keyspace: z.string(),
  /** Of the keyspace: when it was made, in ms since 1970. */
  generation: z.int().min(0),
  /** The cluster's id, in decimal. */
  cluster: z.string(),
  epoch: z.int().min(1),
})

export type Origin = z.output<typeof origin>

/** A moment: in ms since 1970, and the revision that was the last one then. */
export const mark = z.tuple([z.int(), z.int().min(0)]).readonly()

export type Mark = z.output<typeof mark>

/** How far a compaction has come: −1 if there was none; `finished` if what it superseded is gone. */
export const compaction = z.object({ revision: z.int().min(-1), finished: z.boolean() })

export type ArchivedCompaction = z.output<typeof compaction>
