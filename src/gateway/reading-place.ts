import {
  type Coordinates,
  isRegion,
  nearestRegion,
  type Region,
  regions,
} from '../config/region.ts'
import type { KeyspaceAddress } from '../directory/directory-rpc.ts'
import { statusOf } from '../protocol/status.ts'

/** What Cloudflare says of where a client is (https://developers.cloudflare.com/workers/runtime-apis/request/). */
interface Located {
  readonly latitude?: unknown
  readonly longitude?: unknown
}

/** Which of a keyspace's objects a request goes to. Undefined is the leader. */
export interface Places {
  /** All of it. */
  readonly all: Region | undefined
  /** Reads and watches, where all else goes to the leader. */
  readonly reads: Region | undefined
  /** Where a replica would be nearer than the leader, if all is to go to the nearest. */
  readonly nearer?: readonly Region[]
}

export const NEAREST = 'nearest'

/** Whether that is told of where the client is. */
export function isLocated(cf: unknown): cf is Located {
  return typeof cf === 'object' && cf !== null && 'latitude' in cf && 'longitude' in cf
}

/**
 * `place` is what stands behind the keyspace's name in the path: a region, or `nearest`. Where it says nothing, reads
 * go to whichever is nearest. Throws an RpcStatus where there is nobody.
 */
export function placesOf(address: KeyspaceAddress, place: string | undefined, cf: unknown): Places {
  if (place === undefined) {
    return { all: undefined, reads: nearestReplica(address, cf) }
  }
  if (place === NEAREST) {
    return {
      all: nearestReplica(address, cf),
      reads: undefined,
      nearer: nearerRegions(address, cf),
    }
  }
  if (place === address.leader) {
    return { all: undefined, reads: undefined }
  }
  if (!isRegion(place) || !(address.replicas ?? []).includes(place)) {
    throw statusOf('replica-not-found')
  }
  return { all: place, reads: undefined }
}

function nearerRegions({ leader, near = leader }: KeyspaceAddress, cf: unknown): readonly Region[] {
  if (!isLocated(cf)) {
    return []
  }
  const client = coordinatesOf(cf)
  if (near === undefined) {
    return regions.filter((region) => region === nearestRegion(client, regions))
  }
  return regions.filter((region) => nearestRegion(client, [near, region]) !== near)
}

function coordinatesOf({ latitude, longitude }: Located): Coordinates {
  return { latitude: Number(latitude), longitude: Number(longitude) }
}

/** Undefined where the leader is as near, or nobody knows. */
function nearestReplica(
  { replicas = [], leader, near = leader }: KeyspaceAddress,
  cf: unknown,
): Region | undefined {
  if (replicas.length === 0 || !isLocated(cf)) {
    return undefined
  }
  const client = coordinatesOf(cf)
  if (near !== undefined) {
    const nearest = nearestRegion(client, [near, ...replicas])
    return nearest === near ? undefined : nearest
  }
  // The leader may be anywhere, but hardly nearer than a replica in the client's own region.
  const own = nearestRegion(client, regions)
  return own !== undefined && replicas.includes(own) ? own : undefined
}
