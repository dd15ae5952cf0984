import { parseAutoCompaction } from '../config/auto-compaction.ts'
import type { Settings } from '../config/settings.ts'
import { assert } from '../mvcc/errors.ts'
import { migrate } from '../mvcc/migrations.ts'
import { numberOf, type Sql } from '../mvcc/sql.ts'
import type { Creation } from '../protocol/shard-rpc.ts'
import { migrations } from './migrations.ts'
import { ownV2In, recordOwnV2 } from './v2/v2-setting.ts'

const SELECT_TABLE = `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'keyspace'`
const SELECT_CREATION = `
SELECT created, quota_backend_bytes, auto_compaction_mode, auto_compaction_retention FROM keyspace`
const INSERT_CREATION = `
INSERT INTO keyspace
  (one, created, quota_backend_bytes, auto_compaction_mode, auto_compaction_retention)
VALUES (1, ?, ?, ?, ?)`

/** What the keyspace was made with; undefined where none was made here. Writes nothing. */
export function creationIn(sql: Sql): Creation | undefined {
  const row = sql.first(SELECT_TABLE) && sql.first(SELECT_CREATION)
  if (row === undefined) {
    return undefined
  }
  const [created, quotaBackendBytes, mode, retention] = row
  return {
    created: numberOf(created),
    quotaBackendBytes: quotaBackendBytes === null ? undefined : numberOf(quotaBackendBytes),
    autoCompactionMode: mode === 'periodic' || mode === 'revision' ? mode : undefined,
    autoCompactionRetention: typeof retention === 'string' ? retention : undefined,
    enableV2: ownV2In(sql),
  }
}

/** Makes the tables of a keyspace, and the row that says that it is one. */
export function recordCreation(sql: Sql, creation: Creation): void {
  const { created, quotaBackendBytes, autoCompactionMode, autoCompactionRetention, enableV2 } =
    creation
  sql.transaction(() => {
    migrate(sql, migrations)
    sql.run(
      INSERT_CREATION,
      created,
      quotaBackendBytes ?? null,
      autoCompactionMode ?? null,
      autoCompactionRetention ?? null,
    )
    recordOwnV2(sql, enableV2)
  })
}

/** The deployment's settings, but for what the keyspace was made with. */
export function settingsWith(settings: Settings, creation: Creation | undefined): Settings {
  const { quotaBackendBytes, autoCompactionMode, autoCompactionRetention } = creation ?? {}
  return {
    ...settings,
    quotaBackendBytes: quotaBackendBytes ?? settings.quotaBackendBytes,
    autoCompaction:
      autoCompactionRetention === undefined
        ? settings.autoCompaction
        : retained(autoCompactionMode ?? 'periodic', autoCompactionRetention),
  }
}

function retained(mode: 'periodic' | 'revision', retention: string): Settings['autoCompaction'] {
  const parsed = parseAutoCompaction(mode, retention)
  assert(parsed !== 'invalid', `the keyspace was made with ${mode} retention ${retention}`)
  return parsed
}
