import type { PageCursor } from '../protocol/shard-rpc.ts'

/** A response of a method's type, or a part of it where there is `next`. */
export interface Page<R extends object = object> {
  readonly response: R
  readonly next?: PageCursor | undefined
}
