import * as z from 'zod'

/** Where other nodes are listened for, among the names of sockets. */
export const CLUSTER_SOCKET = 'cluster'

const listenEvent = z.union([
  z.object({ event: z.literal('listen'), socket: z.string(), port: z.number() }),
  z
    .object({ event: z.literal('listen-cluster'), port: z.number() })
    .transform((told) => ({ ...told, socket: CLUSTER_SOCKET })),
])

type ListenEvent = z.output<typeof listenEvent>

/**
 * What workerd says on its control descriptor when a socket or its cluster port listens. Undefined for anything else: what
 * it says besides differs from version to version, and is nothing to fail by.
 */
export function listenEventOf(line: string): ListenEvent | undefined {
  try {
    return listenEvent.safeParse(JSON.parse(line)).data
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined
    }
    throw error
  }
}
