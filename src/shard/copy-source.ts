import type { ArchivedOptions, ArchivedState } from '../archive/state.ts'
import type { CopiedCurrent } from '../mvcc/current-copy.ts'
import type { CopiedRows } from '../mvcc/log-copy.ts'
import type { ChangeId, Revision } from '../mvcc/types.ts'
import type { Refused } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { type CopiedTree, copyTree, treeBytes } from '../v2/tree-copy.ts'
import type { CopiedArchive } from './copied-archive.ts'
import type { CopyPace } from './copy-pace.ts'
import type { HandedPieces } from './handed-pieces.ts'
import type { Keyspace } from './keyspace.ts'
import { KeyspaceState } from './replication/keyspace-state.ts'
import { LeaseJournal } from './replication/lease-journal.ts'
import { ALL } from './replication/marks.ts'

/** Pieces of the log that are answered at once, and what of them is enough. */
const PIECES_MAX = 32
export const LOG_BYTES_ENOUGH = 512 * 1024
/** What is read of it in a turn of the event loop: a quarter of a millisecond. */
const TURN = { rows: 256, bytes: 64 * 1024 }
/** Rows of a first piece, when nothing is known of their length. */
const FIRST_ROWS = 16
/** A v2 store is copied by one answer, so that it is of one moment: half of what an answer may have. */
const TREE_BYTES_MAX = 16 * 1024 * 1024
/** The same of what is current. */
const CURRENT_ROWS = 256
const CURRENT_PIECES_MAX = 32
const CURRENT_BYTES_ENOUGH = 1024 * 1024

/** What a shard asks another one whose keyspace it copies. */
export interface CopyRpc {
  /** Where it can be copied from besides; undefined where it cannot. */
  copyArchive(): Promise<CopiedArchive | Refused | undefined>
  /** 0 is the current revision. */
  copyBegin(revision: Revision): Promise<CopyBegun | Refused>
  /** `receipts` are those of answers that have come. */
  copyRows(
    after: ChangeId,
    until: Revision,
    receipts: readonly string[],
  ): Promise<CopiedLog | Refused>
  copyCurrent(
    revision: Revision,
    after: Uint8Array | undefined,
    receipts: readonly string[],
  ): Promise<CopiedKeys | Refused>
}

export interface CopyBegun {
  readonly revision: Revision
  /** As it is now, all of it. */
  readonly state: ArchivedState
  /** The v2 store, as it is now. */
  readonly tree: CopiedTree
}

export interface CopiedLog {
  readonly pieces: readonly CopiedRows[]
  /** Of the source, which may have compacted meanwhile. */
  readonly compactRevision: Revision
  readonly receipt: string
}

export interface CopiedKeys {
  readonly pieces: readonly CopiedCurrent[]
  readonly receipt: string
}

/** How a keyspace serves those who copy it. */
export interface CopyDesk {
  readonly pace: CopyPace
  readonly handed: HandedPieces
}

/** Throws EngineError for a revision that is compacted, or to come, and RpcStatus for a v2 store that is too large. */
export function beginCopy(
  keyspace: Keyspace,
  revision: Revision,
  options: ArchivedOptions,
): CopyBegun {
  const { store, lessor } = keyspace
  store.copyCurrent(revision, undefined, 1)
  requireSmallTree(treeBytes(keyspace.sql))
  const state = new KeyspaceState(keyspace, new LeaseJournal(lessor.granted()), options)
  return {
    revision: revision === 0 ? store.revision : revision,
    state: state.capture(ALL).state,
    tree: copyTree(keyspace.sql),
  }
}

function requireSmallTree(bytes: number): void {
  if (bytes > TREE_BYTES_MAX) {
    throw new RpcStatus(
      Code.RESOURCE_EXHAUSTED,
      `the v2 store has ${bytes} bytes, and ${TREE_BYTES_MAX} are the most that is copied: ` +
        'restore from snapshots, which have none of it',
    )
  }
}

/** How long it is on its way, about. */
export function copiedBytes({ pieces }: Pick<CopiedLog, 'pieces'>): number {
  return pieces.reduce((sum, piece) => sum + rowsBytes(piece), 0)
}

export function rowsBytes({ piece, long }: CopiedRows): number {
  const longBytes = long.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  return piece.keys.length + (piece.values?.length ?? 0) + longBytes
}

/** The log behind a change, up to a revision; of it so much as is enough for an answer, piece by piece. */
export async function copyLog(
  { store }: Keyspace,
  { after, until }: { readonly after: ChangeId; readonly until: Revision },
  { pace, handed }: CopyDesk,
): Promise<CopiedLog> {
  const pieces: CopiedRows[] = []
  let bytes = 0
  let rows = FIRST_ROWS
  for (let last: ChangeId | undefined = after; last !== undefined;) {
    await pace.turn()
    const copied: CopiedRows = store.copyRows(last, until, { rows, bytes: TURN.bytes })
    const copiedOnes = rowsBytes(copied)
    pieces.push(copied)
    bytes += copiedOnes
    rows = nextRows(copied.count, copiedOnes)
    last = pieces.length < PIECES_MAX && bytes < LOG_BYTES_ENOUGH ? copied.last : undefined
  }
  const receipt = handed.hand(pieces.map(({ piece }) => piece))
  return { pieces, compactRevision: store.compactRevision, receipt }
}

/** As many as a turn has time for, if they are as long as those before. */
function nextRows(count: number, bytes: number): number {
  return Math.max(1, Math.min(TURN.rows, Math.ceil((TURN.bytes * count) / Math.max(bytes, 1))))
}

export async function copyCurrent(
  { store }: Keyspace,
  { revision, after }: { readonly revision: Revision; readonly after: Uint8Array | undefined },
  { pace, handed }: CopyDesk,
): Promise<CopiedKeys> {
  const pieces: CopiedCurrent[] = []
  let bytes = 0
  for (let last = after, more = true; more;) {
    await pace.turn()
    const current: CopiedCurrent = store.copyCurrent(revision, last, CURRENT_ROWS)
    pieces.push(current)
    bytes += current.piece.keys.length + (current.piece.values?.length ?? 0)
    ;({ last } = current)
    more = last !== undefined && pieces.length < CURRENT_PIECES_MAX && bytes < CURRENT_BYTES_ENOUGH
  }
  return { pieces, receipt: handed.hand(pieces.map(({ piece }) => piece)) }
}
