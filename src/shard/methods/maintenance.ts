import { crc32c } from '../../mvcc/crc32c.ts'
import type { HashKv } from '../../mvcc/hash.ts'
import type {
  AlarmRequest,
  AlarmResponse,
  HashKVResponse,
  HashResponse,
  StatusResponse,
} from '../../protocol/generated/messages.ts'
import { ETCD_VERSION, STORAGE_VERSION } from '../../protocol/version.ts'
import type { Keyspace } from '../keyspace.ts'

export function statusResponse(keyspace: Keyspace): StatusResponse {
  const { size } = keyspace
  const index = keyspace.store.revision
  return {
    header: keyspace.header(),
    version: ETCD_VERSION,
    dbSize: size,
    leader: keyspace.leaderId ?? keyspace.identity.memberId,
    raftIndex: index,
    raftTerm: keyspace.raftTerm,
    raftAppliedIndex: index,
    errors: keyspace.alarms.errors(),
    dbSizeInUse: size,
    isLearner: keyspace.leaderId !== undefined,
    storageVersion: STORAGE_VERSION,
    dbSizeQuota: keyspace.quota.reported,
    downgradeInfo: keyspace.downgrade.info,
  }
}

export function alarm(keyspace: Keyspace, request: AlarmRequest): AlarmResponse {
  return { header: keyspace.header(), alarms: keyspace.alarms.alarm(request) }
}

export function hashKvResponse(keyspace: Keyspace, result: HashKv): HashKVResponse {
  const { hash, compactRevision, hashRevision } = result
  return { header: keyspace.header(), hash, compactRevision, hashRevision }
}

/**
 * etcd's Hash is over its whole file and differs between implementations; ours is over the state
 * that clients can tell apart: the history, by its HashKV, and the leases.
 */
export function hashResponse(keyspace: Keyspace, result: HashKv): HashResponse {
  const leases = keyspace.lessor.leases().toSorted((a, b) => (a < b ? -1 : 1))
  const hash = leases.reduce(
    (sum, lease) => crc32c(new Uint8Array(BigInt64Array.of(lease).buffer), sum),
    result.hash,
  )
  return { header: keyspace.header(), hash }
}
