import type { Jurisdiction } from '../config/keyspace-options.ts'
import type { Region } from '../config/region.ts'

/** What finds the object that leads a keyspace. */
export interface LeaderAddress {
  readonly name: string
  readonly jurisdiction: Jurisdiction | undefined
  /** Undefined for the keyspace's own object, else the replica there has been promoted. */
  readonly leader?: Region | undefined
}

interface Namespace<Stub> {
  jurisdiction(jurisdiction: Jurisdiction): Namespace<Stub>
  getByName(name: string, options?: { readonly locationHint?: Region }): Stub
}

/** The namespaces of the Worker's objects. */
interface Namespaces<Own, Other> {
  readonly SHARD: Namespace<Own>
  readonly REPLICA: Namespace<Other>
}

/** A stub of the leader. One that has thrown is of no use any more, so each call takes a new one. */
export function leaderStub<Own, Other>(
  namespaces: Namespaces<Own, Other>,
  address: LeaderAddress,
): Own | Other {
  return address.leader === undefined
    ? within(namespaces.SHARD, address).getByName(address.name)
    : replicaStub(namespaces, address, address.leader)
}

/** The same of a replica, which is made near where it is to be. */
export function replicaStub<Stub>(
  { REPLICA }: Pick<Namespaces<unknown, Stub>, 'REPLICA'>,
  address: Pick<LeaderAddress, 'name' | 'jurisdiction'>,
  region: Region,
): Stub {
  return within(REPLICA, address).getByName(`${address.name}@${region}`, { locationHint: region })
}

function within<Stub>(
  namespace: Namespace<Stub>,
  { jurisdiction }: Pick<LeaderAddress, 'jurisdiction'>,
): Namespace<Stub> {
  return jurisdiction === undefined ? namespace : namespace.jurisdiction(jurisdiction)
}
