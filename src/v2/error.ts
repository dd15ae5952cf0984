import type { V2ErrorCode } from '../protocol/v2-error.ts'

/** An expected refusal of the store. */
export class V2Error extends Error {
  override readonly name = 'V2Error'
  readonly code: V2ErrorCode
  /** Mostly the path in the store that is the reason. */
  override readonly cause: string
  readonly index: number
  /** Whether the statistics count it as a failure: etcd forgets to of some. */
  readonly isCounted: boolean

  constructor(code: V2ErrorCode, cause: string, index: number, isCounted = true) {
    super(`${code} (${cause})`)
    this.code = code
    this.cause = cause
    this.index = index
    this.isCounted = isCounted
  }
}
