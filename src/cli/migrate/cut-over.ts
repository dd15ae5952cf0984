import type { BucketEntry } from '../../etcd-file/etcd-file.ts'
import {
  alarmEntry,
  compactionEntry,
  type FileState,
  leaseEntry,
  stateAnew,
} from '../../etcd-file/state-entries.ts'
import { Failure } from '../failure.ts'
import type { Keyspace, RestoreClient } from '../restore-client.ts'
import type { LeaseCounts } from './comparison.ts'
import type { Copy } from './copy.ts'
import { AWAY_MS_MAX_IN_GAP, persistently } from './persistence.ts'
import type { AuthState, Source } from './source.ts'

/** A source that moves on for so long has writers that were not stopped; a copy comes to its end in no more. */
const SETTLE_MS_MAX = 10_000

/** A lease with so much left is there when source and target are compared. */
const LASTING_SECONDS = 60

/** What a cut-over is made of. */
export interface CutOver {
  readonly source: Source
  readonly copy: Copy
  readonly restore: RestoreClient
  /** Whether an alarm is raised at the source, which refuses writes then. */
  readonly refusesWrites: boolean
  /** Of the snapshot that the copy has begun with. */
  readonly fileState: FileState
  /** That of a snapshot which is taken now. */
  readonly newFileState: () => Promise<FileState>
  /** To be remembered before anything of it is done. */
  readonly entering: (stage: 'refusing' | 'ending' | 'committed') => void
  readonly told: (line: string) => void
  /** Aborted when somebody wants to stop. */
  readonly stop: AbortSignal
}

export interface CutOverResult {
  readonly keyspace: Keyspace
  /** Undefined, as is the gap, where an earlier run has got there. */
  readonly leases: LeaseCounts | undefined
  /** From when the source took no more writes until the target took some. */
  readonly gapMs: number | undefined
}

/**
 * Ends a migration: the source takes no more writes, the copy gets the rest, and is a keyspace. Where that
 * fails the source takes writes again. Throws Failure.
 */
export async function cutOver(parts: CutOver): Promise<CutOverResult> {
  const { source, copy, restore, refusesWrites, entering, told } = parts
  while (!(await persistently(told, () => restore.progress())).summed) {
    // The next answer comes when more is summed.
  }
  // An etcd that cannot tell whether its users have changed is asked for all of them when it is at rest.
  const canTell = (await source.auth()) !== undefined
  const known = canTell ? await usersNow(parts, parts.fileState) : parts.fileState
  await persistently(told, () => source.leases.look())
  const began = performance.now()
  try {
    if (refusesWrites) {
      entering('refusing')
      await source.refuseWrites()
      told('the source refuses writes')
    }
    const { entries, leases } = await settled(parts, known)
    entering('ending')
    await copy.add(entries)
    entering('committed')
    const commit = () => restore.commit(copy.point)
    const keyspace = await persistently(told, commit, AWAY_MS_MAX_IN_GAP)
    return { keyspace, leases, gapMs: performance.now() - began }
  } catch (error) {
    await takeWritesAgain(parts)
    throw error
  }
}

/** Also where it is not known whether a keyspace was made: a second run finds what was written meanwhile. */
export async function takeWritesAgain({
  source,
  refusesWrites,
  told,
}: Pick<CutOver, 'source' | 'refusesWrites' | 'told'>): Promise<void> {
  if (!refusesWrites) {
    return
  }
  try {
    await persistently(told, () => source.takeWrites())
    told('the source takes writes again')
  } catch (error) {
    // What has failed before is what is told of.
    if (!(error instanceof Failure)) {
      throw error
    }
    told(`${error.message}; the source refuses writes until "etcdctl alarm disarm"`)
  }
}

interface Rest {
  readonly entries: readonly BucketEntry[]
  readonly leases: LeaseCounts
}

/** What is left to send when the source has come to rest, and the copy has all of its history. */
async function settled(parts: CutOver, known: FileState): Promise<Rest> {
  const { source, copy, stop } = parts
  const until = Date.now() + SETTLE_MS_MAX
  for (;;) {
    await copy.reach(await source.revision(), SETTLE_MS_MAX)
    await copy.stop()
    const rest = await restOf(parts, known)
    const revision = await source.revision()
    if (stop.aborted) {
      throw new Failure('stopped before the end')
    }
    if (revision === copy.point.revision) {
      return rest
    }
    if (Date.now() >= until) {
      throw new Failure(`the source goes on: it is at revision ${revision}; stop its writers first`)
    }
    void copy.start().catch(() => undefined)
  }
}

async function restOf(parts: CutOver, known: FileState): Promise<Rest> {
  const { source, copy, fileState } = parts
  const { revision } = copy.point
  const [users, leases, alarms, compacted] = await Promise.all([
    usersNow(parts, known),
    source.leases.atRest(),
    source.alarms(),
    source.compactRevision(fileState.compactRevision, revision),
  ])
  // etcd's HashKV of a revision that was just compacted is that of before.
  const told = compacted === revision ? (await source.hashKv(revision)).compactRevision : compacted
  return {
    entries: [
      stateAnew,
      ...users.entries,
      ...alarms.map(alarmEntry),
      ...leases.map(leaseEntry),
      ...(told > fileState.compactRevision ? [compactionEntry(told)] : []),
    ],
    leases: {
      all: leases.length,
      lasting: leases.filter(({ RemainingTTL }) => RemainingTTL > LASTING_SECONDS).length,
    },
  }
}

/** Passwords are in snapshots alone: one is taken when users are others than those that are known. */
async function usersNow(parts: CutOver, known: FileState): Promise<FileState> {
  const auth = await parts.source.auth()
  const isKnown =
    auth === undefined
      ? known.users === 0 && !(await parts.source.hasUsers())
      : isSame(auth, { enabled: known.authEnabled, revision: known.authRevision })
  return isKnown ? known : parts.newFileState()
}

function isSame(a: AuthState, b: AuthState): boolean {
  return a.enabled === b.enabled && a.revision === b.revision
}
