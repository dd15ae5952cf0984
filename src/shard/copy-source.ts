import type { ArchivedOptions, ArchivedState } from '../archive/state.ts'
import type { CopiedCurrent } from '../mvcc/current-copy.ts'
import type { CopiedRows } from '../mvcc/log-copy.ts'
import type { ChangeId, Revision } from '../mvcc/types.ts'
import type { Refused } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { type CopiedTree, copyTree, treeBytes } from '../v2/tree-copy.ts'
import type { Keyspace } from './keyspace.ts'
import { KeyspaceState } from './replication/keyspace-state.ts'
import { LeaseJournal } from './replication/lease-journal.ts'
import { ALL } from './replication/marks.ts'

/** Pieces of the log that are answered at once, and what of them is enough. */
const PIECES_MAX = 16
const BYTES_ENOUGH = 1024 * 1024
/** A v2 store is copied by one answer, so that it is of one moment: half of what an answer may have. */
const TREE_BYTES_MAX = 16 * 1024 * 1024
/** The same of what is current. */
const CURRENT_PIECES_MAX = 4

/** What a shard asks another one whose keyspace it copies. */
export interface CopyRpc {
  /** 0 is the current revision. */
  copyBegin(revision: Revision): Promise<CopyBegun | Refused>
  copyRows(after: ChangeId, until: Revision): Promise<CopiedLog | Refused>
  copyCurrent(
    revision: Revision,
    after: Uint8Array | undefined,
  ): Promise<readonly CopiedCurrent[] | Refused>
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

export function copyLog({ store }: Keyspace, after: ChangeId, until: Revision): CopiedLog {
  const pieces: CopiedRows[] = []
  let bytes = 0
  for (let last: ChangeId | undefined = after; last !== undefined;) {
    const rows: CopiedRows = store.copyRows(last, until)
    pieces.push(rows)
    bytes += rows.piece.keys.length + (rows.piece.values?.length ?? 0)
    bytes += rows.long.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
    last = pieces.length < PIECES_MAX && bytes < BYTES_ENOUGH ? rows.last : undefined
  }
  return { pieces, compactRevision: store.compactRevision }
}

export function copyCurrent(
  { store }: Keyspace,
  revision: Revision,
  after: Uint8Array | undefined,
): readonly CopiedCurrent[] {
  const pieces: CopiedCurrent[] = []
  let bytes = 0
  for (let last = after, more = true; more;) {
    const current: CopiedCurrent = store.copyCurrent(revision, last)
    pieces.push(current)
    bytes += current.piece.keys.length + (current.piece.values?.length ?? 0)
    ;({ last } = current)
    more = last !== undefined && pieces.length < CURRENT_PIECES_MAX && bytes < BYTES_ENOUGH
  }
  return pieces
}
