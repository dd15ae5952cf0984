import * as z from 'zod'

const listenEvent = z.object({
  event: z.literal('listen'),
  socket: z.string(),
  port: z.number(),
})

type ListenEvent = z.output<typeof listenEvent>

/**
 * What workerd says on its control descriptor when a socket listens. Undefined for anything else: what
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
