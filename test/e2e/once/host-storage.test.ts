import { expect, it } from 'vitest'
import { describePlatform } from '../../host/world.ts'

const rows = [
  'CREATE TABLE f (x INTEGER, y TEXT)',
  `INSERT INTO f VALUES (1, 'a'), (2, 'b'), (3, 'c')`,
]
const all = [
  { x: 1, y: 'a' },
  { x: 2, y: 'b' },
  { x: 3, y: 'c' },
]

/** A statement with so many parameters. */
function insertOf(count: number): [string, ...number[]] {
  const last = count % 2 === 1 ? '(?, ? + ?)' : '(?, ?)'
  const text = `INSERT INTO b VALUES ${'(?, ?), '.repeat(Math.floor(count / 2) - 1)} ${last}`
  return [text, ...Array.from({ length: count }, () => 1)]
}

describePlatform('storage', (world) => {
  it('[HST1] a cursor gives its rows once, in any of its forms', async () => {
    await world.ask('forms', 'script', ...rows)
    expect(await world.ask('forms', 'forms', 'SELECT * FROM f')).toEqual({
      array: all,
      iterated: all,
      raw: [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ],
      afterRaw: [],
      names: ['x', 'y'],
      first: { x: 1, y: 'a' },
      rest: all.slice(1),
      rawRest: [
        [2, 'b'],
        [3, 'c'],
      ],
      again: [],
      end: 'boolean true',
      none: 'boolean false',
    })
    expect(await world.ask('forms', 'one', 'SELECT * FROM f WHERE x = 2')).toEqual(all[1])
    const none = await world.refusal('forms', 'one', 'SELECT * FROM f WHERE x = 9')
    expect(none.message).toBe('Expected exactly one result from SQL query, but got no results.')
    const many = await world.refusal('forms', 'one', 'SELECT * FROM f')
    expect(many.message).toBe(
      'Expected exactly one result from SQL query, but got multiple results.',
    )
  })

  it('[HST1] of columns with one name the last counts, but raw rows have them all', async () => {
    await world.ask('twins', 'script', ...rows)
    const forms = await world.ask('twins', 'forms', 'SELECT x, y AS x FROM f WHERE x = 1')
    expect(forms).toMatchObject({ array: [{ x: 'a' }], raw: [[1, 'a']], names: ['x', 'x'] })
  })

  it('[HST1] rows have the columns of now, also after the table was altered', async () => {
    await world.ask('altered', 'script', ...rows)
    expect(await world.ask('altered', 'sql', 'SELECT * FROM f WHERE x = 1')).toEqual([all[0]])
    await world.ask('altered', 'sql', 'ALTER TABLE f ADD COLUMN z INTEGER')
    const more = [{ ...all[0], z: null }]
    expect(await world.ask('altered', 'sql', 'SELECT * FROM f WHERE x = 1')).toEqual(more)
  })

  it('[HST1] a statement that writes and answers has written when it answers', async () => {
    const written = { returned: [{ x: 11 }, { x: 12 }], now: [{ x: 11 }, { x: 12 }] }
    expect(await world.ask('returning', 'written')).toEqual(written)
  })

  it('[HST1] of several statements in one text all run, and the last answers and has the parameters', async () => {
    const text = `CREATE TABLE s (x); INSERT INTO s VALUES ('a;b'); SELECT x, ? AS p FROM s;`
    expect(await world.ask('several', 'sql', text, 7)).toEqual([{ x: 'a;b', p: 7 }])
  })

  it('[HST2] values come back as they went in, blobs as buffers of their own bytes', async () => {
    const text = 'SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, typeof(?) AS t'
    const given = [1.5, null, 'té', { blob: [1, 2, 255] }, { blob: [7], of: 3 }, { blob: [] }]
    expect(await world.ask('values', 'sql', text, ...given)).toEqual([
      { a: 1.5, b: null, c: 'té', d: { buffer: '0102ff' }, e: { buffer: '07' }, t: 'blob' },
    ])
    const numbers = 'SELECT 9007199254740991 AS a, typeof(?) AS b, -0.5 AS c'
    expect(await world.ask('values', 'sql', numbers, 5)).toEqual([
      { a: 9007199254740991, b: 'real', c: -0.5 },
    ])
  })

  it('[HST3] more than 100 parameters, or others than the statement has, are refused', async () => {
    await world.ask('bind', 'script', 'CREATE TABLE b (x, y)')
    await world.ask('bind', 'sql', ...insertOf(100))
    expect((await world.refusal('bind', 'sql', ...insertOf(101))).message).toContain('variable')
    const insert = 'INSERT INTO b VALUES (?, ?)'
    const wrong = 'Wrong number of parameter bindings for SQL query.'
    expect((await world.refusal('bind', 'sql', insert, 1)).message).toBe(wrong)
    expect((await world.refusal('bind', 'sql', insert, 1, 2, 3)).message).toBe(wrong)
    const quoted = `SELECT '?' AS "?", ?2 AS a /* ? */ -- ?`
    expect(await world.ask('bind', 'sql', quoted, 1, 2)).toEqual([{ '?': '?', 'a': 2 }])
    const big = await world.refusal('bind', 'sql', insert, 1, { bigint: '5' })
    expect(big).toMatchObject({
      name: 'TypeError',
      message: 'Cannot convert a BigInt value to a number',
    })
    expect(await world.column('bind', 'SELECT count(*) FROM b')).toEqual([50])
  })

  it('[HST3] a value that Cloudflare has no room for is refused', async () => {
    await world.ask('large', 'script', 'CREATE TABLE l (x)')
    const insert = 'INSERT INTO l VALUES (?)'
    await world.ask('large', 'sql', insert, { zeros: 1_900_000 })
    await world.ask('large', 'sql', insert, { text: 1_900_000 })
    // workerd itself draws the line at 16 MB, the host where Cloudflare does.
    const bytes = world.platform === 'host' ? 5_000_000 : 17_000_000
    for (const value of [{ zeros: bytes }, { text: bytes }]) {
      expect((await world.refusal('large', 'sql', insert, value)).message).toContain('TOOBIG')
    }
    expect(await world.column('large', 'SELECT count(*) FROM l')).toEqual([2])
  })

  it.each([
    'BEGIN',
    'COMMIT',
    'END',
    'ROLLBACK',
    'SAVEPOINT x',
    'RELEASE _cf_savepoint_0',
    '/* behind a comment */ BEGIN',
    '-- and\n;COMMIT',
    'SELECT 1; COMMIT',
    `ATTACH ':memory:' AS other`,
    'VACUUM',
    'CREATE TABLE _cf_mine (x)',
    'SELECT * FROM _cf_METADATA',
    'UPDATE "_cf_METADATA" SET value = 1',
    'DROP TABLE [_cf_METADATA]',
    'CREATE TEMP TABLE t (x)',
    'PRAGMA user_version',
    'PRAGMA journal_mode = DELETE',
    'PRAGMA synchronous = OFF',
    'PRAGMA locking_mode = NORMAL',
    'PRAGMA writable_schema = ON',
    'nonsense',
    '',
  ])(
    '[HST3] %j is refused, and what was written before it in the turn is committed',
    async (text) => {
      const object = `refused ${Buffer.from(text).toString('hex')}`
      // There is a table of the platform's, and its own statements are known to it.
      await world.ask(object, 'setAlarm', 4e12)
      await world.ask(object, 'script', 'CREATE TABLE before (x)')
      const born = await world.ask(object, 'born')
      const refused = world.refusal(object, 'script', 'INSERT INTO before VALUES (1)', text)
      expect((await refused).message).not.toBe('')
      expect(await world.ask(object, 'born')).toBe(born)
      expect(await world.column(object, 'SELECT x FROM before')).toEqual([1])
      expect(await world.ask(object, 'getAlarm')).toBe(4e12)
    },
  )

  it('[HST3] texts and harmless pragmas that look like it are not', async () => {
    expect(await world.column('taken', `SELECT 'BEGIN _cf_' AS x`)).toEqual(['BEGIN _cf_'])
    expect(await world.column('taken', '-- a word\nSELECT 1 AS x;')).toEqual([1])
    expect(await world.column('taken', 'PRAGMA foreign_keys')).toEqual([1])
    expect(await world.column('taken', 'PRAGMA page_size')).toEqual([4096])
    expect(await world.column('taken', 'PRAGMA quick_check')).toEqual(['ok'])
    await world.ask('taken', 'script', 'PRAGMA optimize', 'PRAGMA case_sensitive_like = 1')
  })

  it('[HST4] a transaction that throws is undone, a nested one alone', async () => {
    expect(await world.ask('nested', 'nested')).toEqual({
      inner: 'Error: undone',
      kept: ['outer', 'second'],
      outer: 'Error: all undone',
      left: ['outer', 'second'],
    })
    expect(await world.ask('nested', 'readOnly')).toEqual([{ x: 1 }])
    expect(await world.column('nested', 'SELECT x FROM n')).toEqual(['outer', 'second'])
  })

  it.each([false, true])(
    '[HST5] a throw undoes nothing by itself, after a wait: %s',
    async (late) => {
      const object = `throws ${late}`
      expect(await world.refusal(object, 'putAndThrow', late)).toMatchObject({
        name: 'Error',
        message: 'after the write',
      })
      expect(await world.column(object, 'SELECT x FROM t')).toEqual(['written'])
    },
  )

  it('[HST6] the size of the database follows what is in it', async () => {
    const empty = Number(await world.ask('size', 'size'))
    await world.ask('size', 'script', 'CREATE TABLE z (x)')
    await world.ask('size', 'sql', 'INSERT INTO z VALUES (?)', { zeros: 1_000_000 })
    const full = Number(await world.ask('size', 'size'))
    expect(full - empty).toBeGreaterThan(1_000_000)
    expect(full - empty).toBeLessThan(1_050_000)
    await world.ask('size', 'script', 'DELETE FROM z')
    expect(full - Number(await world.ask('size', 'size'))).toBeGreaterThan(950_000)
  })

  it('[HST7] deleteAll leaves nothing, no alarm either, and the object goes on', async () => {
    await world.ask('gone', 'script', ...rows)
    await world.ask('gone', 'setAlarm', Date.now() + 500)
    expect(await world.ask('gone', 'deleteAll')).toEqual({ tables: [], alarm: null })
    await world.ask('gone', 'script', ...rows)
    expect(await world.column('gone', 'SELECT count(*) FROM f')).toEqual([3])
    await world.ask('gone', 'deleteAllAndWrite')
    await world.kill9()
    await world.start()
    expect(await world.column('gone', 'SELECT x FROM fresh')).toEqual(['after'])
    const tables = `SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`
    expect(await world.column('gone', tables)).toEqual(['fresh'])
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(await world.ask('gone', 'notes')).toEqual([])
  })

  it('[HST7] what was written in the turn of deleteAll is gone as well', async () => {
    expect(await world.ask('gone at once', 'writeAndDeleteAll')).toBe('deleted')
    const tables = `SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`
    expect(await world.column('gone at once', tables)).toEqual([])
  })

  it('[HST7] what is written behind deleteAll is kept and answered, also under load', async () => {
    expect(await world.ask('again', 'writeDeleteWrite')).toBe('written')
    const tables = `SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`
    expect(await world.column('again', tables)).toEqual(['kept'])
    const create = 'CREATE TABLE IF NOT EXISTS many (x)'
    const puts = (count: number): Promise<unknown>[] =>
      Array.from({ length: count }, (_, place) =>
        world.ask('again', 'script', create, `INSERT INTO many VALUES (${place})`),
      )
    for (let round = 0; round < 10; round++) {
      await Promise.all([...puts(20), world.ask('again', 'writeDeleteWrite'), ...puts(round)])
    }
    expect(await world.column('again', 'SELECT count(*) FROM kept')).toEqual([0])
  })

  it('[HST8] sync resolves when what was written is on disk', async () => {
    expect(await world.ask('synced', 'sync')).toBe('synced')
    await world.kill9()
    await world.start()
    expect(await world.column('synced', 'SELECT count(*) FROM s')).toEqual([0])
  })
})
