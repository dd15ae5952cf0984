import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { isStorageFull } from '../protocol/storage-full.ts'

/** A read that the platform lost is sent again so often, to an object that may have moved. */
export const READ_RETRIES_MAX = 3

/** Throws the platform's failures as RpcStatus. `lost` is done before another attempt. */
export async function retrying<T>(
  retries: number,
  attempt: () => Promise<T>,
  lost?: () => Promise<void>,
): Promise<T> {
  try {
    return await attempt()
  } catch (error) {
    if (retries > 0 && isLost(error)) {
      await lost?.()
      return retrying(retries - 1, attempt, lost)
    }
    throw statusOfPlatform(error)
  }
}

/**
 * The marks that the platform puts on what it throws
 * (https://developers.cloudflare.com/durable-objects/best-practices/error-handling/).
 */
interface PlatformError extends Error {
  readonly retryable?: boolean
  readonly overloaded?: boolean
  /** The object went away under the call, so nobody knows whether the call was executed. */
  readonly durableObjectReset?: boolean
}

/** An overloaded object would only suffer from being asked again. */
function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false
  }
  const { retryable, overloaded, durableObjectReset }: PlatformError = error
  return overloaded !== true && (retryable === true || durableObjectReset === true)
}

/** What etcd says in such a case; the error itself, if it is none of the platform's. */
function statusOfPlatform(error: unknown): unknown {
  if (error instanceof Error && isLost(error)) {
    return statusOf(isStorageFull(error.message) ? 'no-space' : 'timeout-connection-lost')
  }
  const overloaded = error instanceof Error && (error as PlatformError).overloaded === true
  return overloaded
    ? new RpcStatus(Code.RESOURCE_EXHAUSTED, statusOf('too-many-requests').message)
    : error
}
