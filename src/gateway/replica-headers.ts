import type { Region } from '../config/region.ts'
import { REPLICA_HEADER } from '../protocol/replica-header.ts'
import type { AnsweredBy } from '../protocol/shard-rpc.ts'

/** Which replica has answered, and how far it was behind. */
export function replicaHeaders(replica: AnsweredBy | undefined): Readonly<Record<string, string>> {
  return replica === undefined
    ? {}
    : {
        [REPLICA_HEADER]: replica.region,
        'etcdurable-lag-revisions': String(replica.lagRevisions),
        'etcdurable-lag-ms': String(replica.lagMs),
      }
}

/** The same of a stream, which is not behind by one figure. */
export function streamHeaders(region: Region | undefined): Readonly<Record<string, string>> {
  return region === undefined ? {} : { [REPLICA_HEADER]: region }
}
