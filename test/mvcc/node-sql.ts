import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { migrate } from '../../src/mvcc/migrations.ts'
import type { Sql, SqlParam, SqlRow } from '../../src/mvcc/sql.ts'
import { migrations } from '../../src/shard/migrations.ts'

/** What Cloudflare documents, or what workerd sets where nothing is documented. */
const DURABLE_OBJECT_LIMITS = {
  length: 2_000_000,
  sqlLength: 100_000,
  column: 100,
  exprDepth: 100,
  compoundSelect: 5,
  functionArg: 32,
  likePatternLength: 50,
  variableNumber: 100,
  triggerDepth: 10,
}

/**
 * The `Sql` port over node:sqlite. It refuses what a Durable Object refuses (more than 100 parameters,
 * a row of more than 2 MB, a BigInt), so that the fast suite finds what production would.
 */
export class NodeSql implements Sql {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #depth = 0
  /** Rows written since the caller last set it to zero; index entries are not counted here. */
  changes = 0
  /** Rows read by `first` and `all` since the caller last set it to zero. */
  rowsRead = 0

  constructor(path = ':memory:') {
    this.#database = new DatabaseSync(path, { limits: DURABLE_OBJECT_LIMITS })
  }

  #prepare(text: string, params: readonly SqlParam[]): StatementSync {
    if (params.some((param: unknown) => typeof param === 'bigint')) {
      throw new TypeError('a BigInt, which a Durable Object does not bind')
    }
    let statement = this.#statements.get(text)
    if (statement === undefined) {
      statement = this.#database.prepare(text)
      statement.setReturnArrays(true)
      this.#statements.set(text, statement)
    }
    return statement
  }

  run(text: string, ...params: readonly SqlParam[]): void {
    this.changes += Number(this.#prepare(text, params).run(...params).changes)
  }

  first(text: string, ...params: readonly SqlParam[]): SqlRow | undefined {
    return this.all(text, ...params)[0]
  }

  all(text: string, ...params: readonly SqlParam[]): readonly SqlRow[] {
    const rows = this.#prepare(text, params).all(...params) as unknown as SqlRow[]
    this.rowsRead += rows.reduce((sum, row) => sum + rowsIn(row), 0)
    return rows
  }

  *iterate(text: string, ...params: readonly SqlParam[]): Iterable<SqlRow> {
    const statement = this.#database.prepare(text)
    statement.setReturnArrays(true)
    yield* statement.iterate(...params) as unknown as Iterable<SqlRow>
  }

  transaction<T>(body: () => T extends Promise<unknown> ? never : T): T {
    const name = `nested_${this.#depth++}`
    this.#database.exec(`SAVEPOINT ${name}`)
    try {
      const result = body()
      this.#database.exec(`RELEASE ${name}`)
      return result
    } catch (error) {
      this.#database.exec(`ROLLBACK TO ${name}`)
      this.#database.exec(`RELEASE ${name}`)
      throw error
    } finally {
      this.#depth--
    }
  }

  get databaseSize(): number {
    const pragma = (name: string): number =>
      Number(Object.values(this.#database.prepare(`PRAGMA ${name}`).get() ?? {})[0])
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
  }

  explain(text: string): string {
    const rows = this.#database.prepare(`EXPLAIN QUERY PLAN ${text}`).all()
    return rows.map((row) => String(row['detail'])).join('\n')
  }

  close(): void {
    this.#database.close()
  }
}

/** Of what `scanPacked` reads one row is many. */
function rowsIn(row: SqlRow): number {
  const last = row.at(-1)
  return typeof last === 'string' && last.startsWith('[[')
    ? ((JSON.parse(last) as unknown[][])[0]?.length ?? 0)
    : 1
}

/** A new store's SQL with the tables of `migrations/`. */
export function openNodeSql(): NodeSql {
  const sql = new NodeSql()
  migrate(sql, migrations)
  return sql
}
