import { Code, RpcStatus } from '../protocol/status.ts'

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}

/** Timers count milliseconds in 31 bits; a deadline behind that is as good as none. */
const TIMER_MS_MAX = 2 ** 31 - 1

const int64Max = 2n ** 63n - 1n

/**
 * Milliseconds of a Grpc-Timeout header such as `100m`; undefined without one, or when it sets no
 * limit, which a zero does not. Throws an RpcStatus (grpc-gateway's runtime/context.go).
 */
export function parseTimeout(header: string | null): number | undefined {
  if (header === null || header === '') {
    return undefined
  }
  const [, digits, unit] = /^([+-]?\d+)([HMSmun])$/.exec(header) ?? []
  if (digits === undefined || unit === undefined || isOutOfRange(digits)) {
    throw new RpcStatus(Code.INVALID_ARGUMENT, `invalid grpc-timeout: ${header}`)
  }
  const ms = Number(digits) * (unitMs[unit] ?? 0)
  return ms === 0 || ms > TIMER_MS_MAX ? undefined : ms
}

function isOutOfRange(digits: string): boolean {
  const value = BigInt(digits.replace('+', ''))
  return value > int64Max || value < -int64Max - 1n
}

/** What the client of etcd's gateway hears when its time is up, without `etcdserver:`. */
export function deadlineExceeded(): RpcStatus {
  return new RpcStatus(Code.DEADLINE_EXCEEDED, 'context deadline exceeded')
}
