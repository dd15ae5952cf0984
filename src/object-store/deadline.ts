import { ObjectStoreError } from './object-store.ts'

/** How long a store may take for a request, besides what its bytes take on a slow line. */
export const ANSWER_MS_MAX = 30_000
const SLOW_LINE_BYTES_PER_MS = 1024

export interface Deadline {
  readonly answerMs: number
  /** Of the object that goes or comes. */
  readonly bytes: number
  /** What is told of: the store and what it was asked. */
  readonly what: string
}

/**
 * What `work` resolves with. Where it takes too long it is told so by its signal, and whoever waits gets an
 * error at once. The timer ends with the work: one that ran on would keep a Durable Object in memory.
 */
export async function within<T>(
  { answerMs, bytes, what }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ms = answerMs + bytes / SLOW_LINE_BYTES_PER_MS
  const controller = new AbortController()
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const problem = `${what}: no answer in ${Math.ceil(ms / 1000)} s`
    reject(new ObjectStoreError(problem, { retryable: true }))
    controller.abort()
  }, ms)
  try {
    return await Promise.race([work(controller.signal), late])
  } finally {
    clearTimeout(timer)
  }
}
