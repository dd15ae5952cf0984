import type { Principal } from '../../auth/principal.ts'
import { LEASE_GRANT_COST } from '../../maintenance/quota.ts'
import type {
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
} from '../../protocol/generated/messages.ts'
import type { Keyspace } from '../keyspace.ts'
import { requireUncapped } from './kv.ts'

export function leaseGrant(
  keyspace: Keyspace,
  request: LeaseGrantRequest,
  { now, principal }: { readonly now: number; readonly principal: Principal },
): LeaseGrantResponse {
  keyspace.requireSpace(LEASE_GRANT_COST)
  principal.authenticate()
  principal.authorize('/etcdserverpb.Lease/LeaseGrant', request)
  keyspace.requireUncorrupted()
  requireUncapped(keyspace, LEASE_GRANT_COST)
  const { ID, TTL } = keyspace.lessor.grant(request, now)
  return { header: keyspace.header(), ID, TTL, error: '' }
}

/** Whether the caller may is asked when the request would be applied, behind the alarm. */
export function leaseRevoke(
  keyspace: Keyspace,
  request: LeaseRevokeRequest,
  principal: Principal,
): LeaseRevokeResponse {
  principal.authenticate()
  principal.identify()
  keyspace.requireUncorrupted()
  principal.authorize('/etcdserverpb.Lease/LeaseRevoke', request)
  keyspace.lessor.revoke(request.ID)
  return { header: keyspace.header() }
}

/** The header tells the revision before the renewal, as etcd's does (api/v3rpc/lease.go). */
export function leaseKeepAlive(
  keyspace: Keyspace,
  request: LeaseKeepAliveRequest,
  now: number,
): LeaseKeepAliveResponse {
  const header = keyspace.header()
  return { header, ID: request.ID, TTL: keyspace.lessor.keepAlive(request.ID, now) }
}

/** Without the keys, which come behind it where they are asked for. */
export function leaseTimeToLive(
  keyspace: Keyspace,
  { ID }: LeaseTimeToLiveRequest,
  now: number,
): LeaseTimeToLiveResponse {
  const found = keyspace.lessor.timeToLive(ID, now)
  return { header: keyspace.header(), ID, ...found, keys: [] }
}

export function leaseLeases(keyspace: Keyspace): LeaseLeasesResponse {
  return { header: keyspace.header(), leases: keyspace.lessor.leases().map((ID) => ({ ID })) }
}
