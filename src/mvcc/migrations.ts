import { assert } from './errors.ts'
import { numberOf, type Sql, textOf } from './sql.ts'

/** One file of `migrations/`; its name starts with its number. */
export interface Migration {
  readonly name: string
  readonly script: string
}

const CREATE_MIGRATION =
  'CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT'
const SELECT_MIGRATIONS = 'SELECT number, name FROM migration ORDER BY number'
const INSERT_MIGRATION = 'INSERT INTO migration (number, name) VALUES (?, ?)'

/**
 * Applies what is not yet recorded, each script with its record in one transaction. A store that
 * records a script under another name was written by other code than this: nothing is touched.
 */
export function migrate(sql: Sql, migrations: readonly Migration[]): void {
  sql.run(CREATE_MIGRATION)
  const applied = sql.all(SELECT_MIGRATIONS)
  for (const [index, row] of applied.entries()) {
    const name = textOf(row[1])
    assert(
      numberOf(row[0]) === index + 1 && migrations[index]?.name === name,
      `the store records migration ${name}, the code has ${migrations[index]?.name ?? 'none'}`,
    )
  }
  for (const [index, migration] of migrations.entries()) {
    if (index >= applied.length) {
      sql.transaction(() => {
        for (const statement of statementsOf(migration.script)) {
          sql.run(statement)
        }
        sql.run(INSERT_MIGRATION, index + 1, migration.name)
      })
    }
  }
}

/** A trigger is the one that has semicolons inside, up to its END. */
const STATEMENT = /\s*(CREATE TRIGGER[^]*?\bEND|[^;]*\S);/g

/** Drivers run one statement at a time; our scripts hold no semicolon but the ends of statements. */
function statementsOf(script: string): string[] {
  const code = script.replaceAll(/--[^\n]*/g, '')
  return [...code.matchAll(STATEMENT)].map(([, statement = '']) => statement)
}
