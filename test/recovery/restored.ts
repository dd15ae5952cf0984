import { startLeases } from '../../src/lease/restored-leases.ts'
import { HistoryRestore } from '../../src/mvcc/restore.ts'
import { BEGINNING, type Position, type Recovery } from '../../src/recovery/recovery.ts'
import { StateRestore } from '../../src/shard/restored-state.ts'
import { TreeRestore } from '../../src/v2/tree-restore.ts'
import { Keyspace, NOW } from '../auth/keyspace.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'

/** A keyspace made of what a recovery reads. */
export async function restoredBy(recovery: Recovery): Promise<Keyspace> {
  const sql = openNodeSql()
  const history = new HistoryRestore(sql)
  const tree = new TreeRestore(sql)
  const state = new StateRestore(sql, (length) => new Uint8Array(length))
  for (let position: Position | undefined = BEGINNING; position !== undefined;) {
    const piece = await recovery.piece(position)
    const { compaction, next } = piece
    if ('part' in position && compaction !== undefined && compaction.revision >= 0) {
      history.compacted(compaction.revision, compaction.finished)
    }
    for (const change of piece.changes) {
      history.change(change)
    }
    state.take(piece.state)
    for (const row of piece.rows) {
      tree.take(row)
    }
    if ('segment' in position && compaction !== undefined && compaction.revision >= 0) {
      history.compacted(compaction.revision, false)
    }
    position = next
  }
  startLeases(sql, NOW)
  return new Keyspace(() => undefined, sql)
}
