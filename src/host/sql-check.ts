import { constants, type DatabaseSync } from 'node:sqlite'

const {
  SQLITE_OK,
  SQLITE_DENY,
  SQLITE_ALTER_TABLE,
  SQLITE_ANALYZE,
  SQLITE_ATTACH,
  SQLITE_CREATE_INDEX,
  SQLITE_CREATE_TABLE,
  SQLITE_CREATE_TEMP_INDEX,
  SQLITE_CREATE_TEMP_TABLE,
  SQLITE_CREATE_TEMP_TRIGGER,
  SQLITE_CREATE_TEMP_VIEW,
  SQLITE_CREATE_TRIGGER,
  SQLITE_CREATE_VIEW,
  SQLITE_CREATE_VTABLE,
  SQLITE_DELETE,
  SQLITE_DETACH,
  SQLITE_DROP_INDEX,
  SQLITE_DROP_TABLE,
  SQLITE_DROP_TRIGGER,
  SQLITE_DROP_VIEW,
  SQLITE_DROP_VTABLE,
  SQLITE_INSERT,
  SQLITE_PRAGMA,
  SQLITE_REINDEX,
  SQLITE_SAVEPOINT,
  SQLITE_TRANSACTION,
  SQLITE_UPDATE,
} = constants

const altering = new Set([
  SQLITE_ALTER_TABLE,
  SQLITE_CREATE_INDEX,
  SQLITE_CREATE_TABLE,
  SQLITE_CREATE_TRIGGER,
  SQLITE_CREATE_VIEW,
  SQLITE_CREATE_VTABLE,
  SQLITE_DROP_INDEX,
  SQLITE_DROP_TABLE,
  SQLITE_DROP_TRIGGER,
  SQLITE_DROP_VIEW,
  SQLITE_DROP_VTABLE,
])
const writing = new Set([
  SQLITE_ANALYZE,
  SQLITE_DELETE,
  SQLITE_INSERT,
  SQLITE_REINDEX,
  SQLITE_UPDATE,
])
/** Transactions are the host's, and so is the file. */
const refused = new Set([
  SQLITE_ATTACH,
  SQLITE_CREATE_TEMP_INDEX,
  SQLITE_CREATE_TEMP_TABLE,
  SQLITE_CREATE_TEMP_TRIGGER,
  SQLITE_CREATE_TEMP_VIEW,
  SQLITE_DETACH,
  SQLITE_SAVEPOINT,
  SQLITE_TRANSACTION,
])
/** Those that workerd lets pass (util/sqlite.c++). */
const pragmas = new Set([
  'case_sensitive_like',
  'data_version',
  'defer_foreign_keys',
  'foreign_key_check',
  'foreign_key_list',
  'foreign_keys',
  'ignore_check_constraints',
  'index_info',
  'index_list',
  'index_xinfo',
  'legacy_alter_table',
  'optimize',
  'page_size',
  'quick_check',
  'recursive_triggers',
  'reverse_unordered_selects',
  'table_info',
  'table_list',
  'table_xinfo',
])
const RESERVED = /^_cf_/i

/** What SQLite says that a statement does, as it prepares it. */
export class SqlCheck {
  #isOn = false
  #writes = false
  #alters = false

  constructor(database: DatabaseSync) {
    database.setAuthorizer((action, first, second) =>
      this.#isOn ? this.#allow(action, first, second) : SQLITE_OK,
    )
  }

  #allow(action: number, first: string | null, second: string | null): number {
    this.#alters ||= altering.has(action)
    this.#writes ||= this.#alters || writing.has(action)
    const isReserved =
      action !== SQLITE_ANALYZE && (RESERVED.test(first ?? '') || RESERVED.test(second ?? ''))
    const isForeign = action === SQLITE_PRAGMA && !pragmas.has((first ?? '').toLowerCase())
    return isReserved || isForeign || refused.has(action) ? SQLITE_DENY : SQLITE_OK
  }

  /**
   * Calls `prepare`, which fails where a Durable Object would not run the statement, and says whether
   * the statement may change something, and whether that may be the schema.
   */
  prepare<T>(prepare: () => T): { prepared: T; writes: boolean; alters: boolean } {
    this.#isOn = true
    this.#writes = false
    this.#alters = false
    try {
      return { prepared: prepare(), writes: this.#writes, alters: this.#alters }
    } finally {
      this.#isOn = false
    }
  }
}

const TOKEN = /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--.*|\/\*[^]*?\*\/|\?(\d*)/g

/** How many parameters a statement of that text has, as far as they are `?` or `?3`. */
export function parametersOf(text: string): number {
  let count = 0
  for (const [token, number] of text.matchAll(TOKEN)) {
    if (token.startsWith('?')) {
      count = number === '' ? count + 1 : Math.max(count, Number(number))
    }
  }
  return count
}
