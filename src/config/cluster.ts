import * as z from 'zod'

/** A member as `--initial-cluster` names it. */
const initialMember = z.object({
  /** A uint64 in decimal. */
  id: z.string().regex(/^\d+$/),
  name: z.string(),
  /** Sorted. */
  peerUrls: z.array(z.string()),
})

const cluster = z.object({
  /** The id of the node that is told this. */
  own: z.string().regex(/^\d+$/),
  /** All of them. */
  members: z.array(initialMember),
})

export type InitialMember = Readonly<z.output<typeof initialMember>>

/** What a node knows of the cluster that it is one of. */
export interface ClusterSettings {
  readonly own: string
  readonly members: readonly InitialMember[]
}

/** A node, as it tells of itself. */
export interface ClusterNode extends InitialMember {
  readonly clientUrls: readonly string[]
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

/** The node that is told this; undefined where no member has its id. */
export function ownNode(
  { own, members }: ClusterSettings,
  clientUrls: readonly string[],
): ClusterNode | undefined {
  const member = members.find(({ id }) => id === own)
  return member && { ...member, clientUrls }
}
