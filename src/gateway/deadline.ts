import { deadlineExceeded } from '../gateway-rules/timeout.ts'

/**
 * The work's result if it comes in time, for which less than a millisecond is never enough. Work
 * that is under way is not undone by being late, but told so.
 */
export async function within<T>(
  ms: number | undefined,
  work: () => Promise<T>,
  tooLate: () => void,
): Promise<T> {
  if (ms === undefined) {
    return work()
  }
  if (ms < 1) {
    throw deadlineExceeded()
  }
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(deadlineExceeded())
    tooLate()
  }, ms)
  try {
    return await Promise.race([work(), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
