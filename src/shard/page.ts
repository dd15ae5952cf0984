import type { PackedPage } from '../mvcc/packed-page.ts'
import type { ResponseHeader } from '../protocol/generated/messages.ts'
import type { PageCursor } from '../protocol/shard-rpc.ts'

/** A response of a method's type, or a part of it where there is `next`. */
export interface Page<R extends object = object> {
  readonly response: R
  readonly next?: PageCursor | undefined
  /** Fields behind those of the response, encoded in the turns that have read them; nothing follows. */
  readonly behind?: readonly Uint8Array[]
}

/** A page of a Range as it was read. */
interface PackedRangePage {
  readonly header: ResponseHeader | undefined
  readonly packed: PackedPage
  readonly next?: PageCursor | undefined
}

export type AnyPage = Page | PackedRangePage
