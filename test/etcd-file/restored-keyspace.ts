import { RESTORED_BUCKETS } from '../../src/etcd-file/entry-batch.ts'
import type { EtcdFile } from '../../src/etcd-file/etcd-file.ts'
import { recordOf } from '../../src/etcd-file/record.ts'
import { restoreLease, startLeases } from '../../src/lease/restored-leases.ts'
import { HistoryRestore } from '../../src/mvcc/restore.ts'
import { Keyspace, NOW } from '../auth/keyspace.ts'
import { openNodeSql } from '../mvcc/node-sql.ts'

/** A keyspace with the history and the leases of a file. */
export function restoredFrom(file: EtcdFile): Keyspace {
  const sql = openNodeSql()
  const history = new HistoryRestore(sql)
  for (const entry of RESTORED_BUCKETS.flatMap((bucket) => [...file.entries(bucket)])) {
    const record = recordOf(entry)
    if (record.kind === 'change') {
      history.change(record.change)
    } else if (record.kind === 'compaction') {
      history.compacted(record.revision, record.finished)
    } else if (record.kind === 'lease') {
      restoreLease(sql, record.lease)
    }
  }
  startLeases(sql, NOW)
  return new Keyspace(() => undefined, sql)
}
