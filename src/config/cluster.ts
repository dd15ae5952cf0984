import * as z from 'zod'

/** A member as `--initial-cluster` names it. */
const initialMember = z.object({
  /** A uint64 in decimal. */
  id: z.string().regex(/^\d+$/),
  name: z.string(),
  peerUrls: z.array(z.string()),
})

/** What a node knows of the cluster that it is one of. */
const cluster = z.object({
  /** The id of this node. */
  own: z.string().regex(/^\d+$/),
  /** All of them. */
  members: z.array(initialMember),
})

export type InitialMember = Readonly<z.output<typeof initialMember>>

export interface ClusterSettings {
  readonly own: string
  readonly members: readonly InitialMember[]
}

/** Reads the JSON of it; undefined where it is none. */
export function parseCluster(text: string): ClusterSettings | undefined {
  try {
    return cluster.safeParse(JSON.parse(text)).data
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined
    }
    throw error
  }
}
