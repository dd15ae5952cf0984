import type { Settings } from '../config/settings.ts'
import type { TxnRequest } from '../protocol/generated/messages.ts'
import { statusOf } from '../protocol/status.ts'

/** A call to the shard encodes its request level by level, for which workerd's stack has to do. */
const DEPTH_MAX = 400

/**
 * Refuses transactions within each other beyond that. With the usual --max-txn-ops the shard would
 * say the same: each level has an operation, and those of all levels count.
 */
export function requireShallow(request: TxnRequest, { maxTxnOps }: Settings): void {
  let level: readonly TxnRequest[] = [request]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > Math.min(maxTxnOps, DEPTH_MAX)) {
      throw statusOf('too-many-ops')
    }
    level = level.flatMap(({ success, failure }) =>
      [...success, ...failure].flatMap(({ requestTxn }) => requestTxn ?? []),
    )
  }
}
