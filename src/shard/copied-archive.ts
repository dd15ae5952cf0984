import type { Chain, FullEntry } from '../archive/manifest.ts'
import type { ArchiveName } from '../archive/names.ts'
import type { Point } from '../recovery/point.ts'
import { leadershipIn } from './feed/leadership.ts'
import type { Keyspace } from './keyspace.ts'
import { type Position, positionIn } from './replication/position.ts'

/** A keyspace's archive, as far as its leader has sent it. */
export interface CopiedArchive {
  readonly archive: ArchiveName
  readonly point: Point
  /** Its segments, also those before the full, with the last one as it was sent. */
  readonly chain: Chain
  /** In which its leader leads. */
  readonly epoch: number
}

/** Where a keyspace is sent to. */
interface SentTo {
  /** Undefined where its object does not know it. */
  readonly keyspace: string | undefined
  readonly generation: number
}

/** What is sent behind is pulled: where that is more than half of all, the archive is of little use. */
const LAG_MAX = 1 / 2

/**
 * From where a replica may be made without reading the leader. What the leader has sent is told by its own record of it,
 * checksums included, so that nobody else's objects are taken for it. Undefined where there is no full, or the log does
 * not reach back to the end of the archive.
 */
export function archiveToCopy(
  { sql, store }: Keyspace,
  { keyspace, generation }: SentTo,
): CopiedArchive | undefined {
  const position = positionIn(sql)
  if (position?.full === undefined || position.deposed !== undefined) {
    return undefined
  }
  const { revision } = position
  const isBehind = revision < store.revision
  if (isBehind && !store.keepsAllSince(revision + 1)) {
    return undefined
  }
  if (store.revision - revision > LAG_MAX * store.revision) {
    return undefined
  }
  const archive = { keyspace: keyspace ?? position.name, generation }
  const { listed: _, ...sent } = position.full
  const full: FullEntry = { ...sent, epoch: position.epoch }
  const chain = chainBehind(position, full)
  return {
    archive,
    chain,
    epoch: leadershipIn(sql)?.epoch ?? 1,
    point: {
      base: { full, chain: position.seq > full.seq ? chain : undefined },
      revision: Math.max(revision, full.revision),
      time: undefined,
    },
  }
}

/** All of the epoch that was sent behind a full. */
function chainBehind(
  { epoch, seq, revision, time, checksum, bytesSince }: Position,
  full: FullEntry,
): Chain {
  return {
    epoch,
    first: { seq: full.seq + 1, from: full.revision + 1 },
    last: { seq, to: revision, time, checksum },
    bytes: bytesSince,
  }
}
