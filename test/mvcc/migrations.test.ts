import { expect, it } from 'vitest'
import { type Migration, migrate } from '../../src/mvcc/migrations.ts'
import type { Store } from '../../src/mvcc/store.ts'
import { migrations } from '../../src/shard/migrations.ts'
import { bytes } from '../model-rules.ts'
import { NodeSql } from './node-sql.ts'
import { lines, openStore, putOf, rangeOf } from './requests.ts'

const FIRST: Migration = { name: '0001_a', script: 'CREATE TABLE a (n INTEGER) STRICT; -- one;\n' }
const SECOND: Migration = {
  name: '0002_b',
  script: 'INSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);\n',
}
const BROKEN: Migration = {
  name: '0003_c',
  script: 'INSERT INTO a VALUES (3); INSERT INTO missing VALUES (1);',
}

const rows = (sql: NodeSql): unknown => sql.all('SELECT n FROM a ORDER BY n')

it('[MIG1] scripts are applied in their order, each once', () => {
  const sql = new NodeSql()
  migrate(sql, [FIRST])
  migrate(sql, [FIRST, SECOND])
  migrate(sql, [FIRST, SECOND])
  expect(rows(sql)).toEqual([[1], [2]])
  expect(sql.all('SELECT number, name FROM migration ORDER BY number')).toEqual([
    [1, '0001_a'],
    [2, '0002_b'],
  ])
})

it('[MIG5] a trigger is one statement, with those inside it', () => {
  const sql = new NodeSql()
  const trigger = `
CREATE TRIGGER double AFTER INSERT ON a WHEN NEW.n < 10
BEGIN
  INSERT INTO a VALUES (10 * NEW.n);
  INSERT INTO a VALUES (20 * NEW.n);
END;

INSERT INTO a VALUES (1);
`
  migrate(sql, [FIRST, { name: '0002_b', script: trigger }])
  expect(rows(sql)).toEqual([[1], [10], [20]])
})

it('[MIG2] a script that fails leaves nothing of itself, and what came before it', () => {
  const sql = new NodeSql()
  expect(() => migrate(sql, [FIRST, SECOND, BROKEN])).toThrow('missing')
  expect(rows(sql)).toEqual([[1], [2]])
  expect(sql.all('SELECT count(*) FROM migration')).toEqual([[2]])
})

it('[MIG3] a store that was written by other or newer code is refused', () => {
  const sql = new NodeSql()
  migrate(sql, [FIRST, SECOND])
  expect(() => migrate(sql, [FIRST])).toThrow('0002_b')
  expect(() => migrate(sql, [{ ...FIRST, name: '0001_other' }, SECOND])).toThrow('0001_other')
})

it('[MIG4] the scripts are numbered from 1 on, and make the tables of a store', () => {
  const numbers = migrations.map(({ name }) => Number(/^(\d{4})_[a-z0-9_]+$/.exec(name)?.[1]))
  expect(numbers).toEqual(migrations.map((_, i) => i + 1))
  const sql = new NodeSql()
  migrate(sql, migrations)
  const tables = sql.all("SELECT name FROM sqlite_schema WHERE type = 'table'").flat()
  expect(tables).toEqual(expect.arrayContaining(['log', 'current', 'compaction', 'migration']))
})

it('[MIG6] a store of the release before values were cut goes on', () => {
  const sql = new NodeSql()
  const older = migrations.filter(({ name }) => name < '0012')
  migrate(sql, older)
  const written =
    'INSERT INTO current (key, id, create_revision, version, value) VALUES (?, ?, ?, 1, ?)'
  sql.run(written, bytes('a'), 2 << 23, 2, bytes('1'))
  // A long value stands in the log alone.
  sql.run(written, bytes('b'), 3 << 23, 3, null)
  sql.run(
    'INSERT INTO log (id, key, create_revision, version, value) VALUES (?, ?, 3, 1, ?)',
    3 << 23,
    bytes('b'),
    bytes('long'.repeat(300_000)),
  )
  migrate(sql, migrations)
  const store = openStore(sql)
  expect(sizes(store)).toEqual([1, 1_200_000])
  store.put({ ...putOf('c'), value: new Uint8Array(8_500_000) })
  store.put(putOf('b', '2'))
  const kept = ['a=1 2/2/1', 'b=1200000 bytes 3/3/1', 'c=8500000 bytes 4/4/1']
  expect(lines(store, { revision: 4 })).toEqual(kept)
  expect(sizes(store)).toEqual([1, 1, 8_500_000])
  store.compact(5)
  while (store.compactSlice(undefined)) {
    // Until nothing is left to be deleted.
  }
  expect(lines(openStore(sql))).toEqual(['a=1 2/2/1', 'b=2 3/5/2', 'c=8500000 bytes 4/4/1'])
})

function sizes(store: Store): readonly number[] {
  const from = { revision: store.revision, after: undefined, skip: 0, left: 0 }
  const { kvs } = store.sizeRange(rangeOf('a', 'z'), from, Infinity, 100)
  return kvs.map(({ value }) => value.length)
}
