import type { ReadRequest } from '../follow/follower-events.ts'
import type { Revision } from '../mvcc/types.ts'
import { decode } from '../protocol/binary.ts'
import { HashKVRequest, RangeRequest, TxnRequest } from '../protocol/generated/messages.ts'
import { isReadOnly } from '../protocol/request-size.ts'
import type { Call } from '../protocol/shard-rpc.ts'

/**
 * How new what a replica has must be for it to answer a call itself; undefined where the leader is to answer it. Throws
 * WireError. What is asked of a revision that is here is the same everywhere.
 */
export function localRead(
  { method, request }: Pick<Call, 'method' | 'request'>,
  current: Revision,
): ReadRequest['level'] | undefined {
  switch (method) {
    case '/etcdserverpb.KV/Range':
    case '/etcdserverpb.KV/RangeStream':
      return levelOf(decode(RangeRequest, request), current)
    case '/etcdserverpb.KV/Txn':
      return ofTxn(decode(TxnRequest, request))
    case '/etcdserverpb.Maintenance/HashKV': {
      const { revision } = decode(HashKVRequest, request)
      return revision <= current ? 'serializable' : 'linearizable'
    }
    // As in etcd these speak of the member that is asked.
    case '/etcdserverpb.Maintenance/Status':
    case '/etcdserverpb.Maintenance/Hash':
    case '/etcdserverpb.Maintenance/Snapshot':
    case '/etcdserverpb.Maintenance/Defragment':
      return 'serializable'
    default:
      return undefined
  }
}

function levelOf(
  { serializable, revision }: Pick<RangeRequest, 'serializable' | 'revision'>,
  current: Revision,
): ReadRequest['level'] {
  return serializable || (revision > 0 && revision <= current) ? 'serializable' : 'linearizable'
}

/** As in etcd, compares are as serializable as the ranges are. */
function ofTxn(txn: TxnRequest): ReadRequest['level'] | undefined {
  if (!isReadOnly(txn)) {
    return undefined
  }
  const ops = [...txn.success, ...txn.failure]
  const isSerializable =
    ops.length > 0 && ops.every(({ requestRange }) => requestRange?.serializable === true)
  return isSerializable ? 'serializable' : 'linearizable'
}
