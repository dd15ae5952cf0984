import { type Probe, tell, thrown } from './words.ts'

/** JSON's way to say a value that JSON has not. */
type Written =
  | number
  | string
  | null
  | { readonly blob: readonly number[]; readonly of?: number }
  | { readonly bigint: string }
  | { readonly zeros: number }
  | { readonly text: number }

function valueOf(written: Written): SqlStorageValue {
  if (typeof written !== 'object' || written === null) {
    return written
  }
  if ('blob' in written) {
    const { blob, of = 0 } = written
    // A view of a larger buffer, where `of` bytes stand before it.
    const bytes = new Uint8Array(of + blob.length + of)
    bytes.set(blob, of)
    return bytes.subarray(of, of + blob.length) as unknown as ArrayBuffer
  }
  if ('zeros' in written) {
    return new ArrayBuffer(written.zeros)
  }
  return 'text' in written
    ? 'x'.repeat(written.text)
    : (BigInt(written.bigint) as unknown as number)
}

export const sqlProbes: Readonly<Record<string, Probe>> = {
  /** All rows. */
  sql: ({ state }, [text, ...params]: [string, ...Written[]]) =>
    tell(state.storage.sql.exec(text, ...params.map(valueOf)).toArray()),

  /** Many statements; the rows of the last. */
  script: ({ state }, texts: string[]) => {
    const cursors = texts.map((text) => state.storage.sql.exec(text).toArray())
    return tell(cursors.at(-1))
  },

  one: ({ state }, [text]: [string]) => tell(state.storage.sql.exec(text).one()),

  forms: ({ state }, [text]: [string]) => {
    const exec = (): SqlStorageCursor<Record<string, SqlStorageValue>> =>
      state.storage.sql.exec(text)
    const stepped = exec()
    const first = stepped.next()
    const mixed = exec()
    mixed.next()
    const raw = exec()
    const rows = [...raw.raw()]
    const used = exec()
    used.toArray()
    return tell({
      array: exec().toArray(),
      iterated: [...exec()],
      raw: rows,
      afterRaw: raw.toArray(),
      names: exec().columnNames,
      first: first.value,
      rest: stepped.toArray(),
      rawRest: [...mixed.raw()],
      again: used.toArray(),
      end: used.next().done,
      none: exec().next().done,
    })
  },

  /** A cursor that is stepped while the table is written. */
  written: ({ state }) => {
    const { sql } = state.storage
    sql.exec('CREATE TABLE w (x INTEGER)')
    sql.exec('INSERT INTO w VALUES (1), (2)')
    const counts = sql.exec('UPDATE w SET x = x + 10 RETURNING x')
    return tell({ returned: counts.toArray(), now: sql.exec('SELECT x FROM w').toArray() })
  },

  /** Nested transactions, of which the inner one is undone, and then the outer one too. */
  nested: ({ state }) => {
    const { sql } = state.storage
    sql.exec('CREATE TABLE n (x TEXT)')
    const put = (x: string): void => void sql.exec('INSERT INTO n VALUES (?)', x)
    const all = (): unknown => tell([...sql.exec('SELECT x FROM n').raw()].flat())
    const inner = state.storage.transactionSync(() => {
      put('outer')
      const error = thrown(() =>
        state.storage.transactionSync(() => {
          put('inner')
          throw new Error('undone')
        }),
      )
      state.storage.transactionSync(() => put('second'))
      return error
    })
    const kept = all()
    const outer = thrown(() =>
      state.storage.transactionSync(() => {
        state.storage.transactionSync(() => put('nested'))
        throw new Error('all undone')
      }),
    )
    return { inner, kept, outer, left: all() }
  },

  /** Reads alone, in a transaction. */
  readOnly: ({ state }) =>
    state.storage.transactionSync(() => tell(state.storage.sql.exec('SELECT 1 AS x').toArray())),

  putAndThrow: async ({ state }, [late]: [boolean]) => {
    state.storage.sql.exec('CREATE TABLE IF NOT EXISTS t (x TEXT)')
    if (late) {
      await scheduler.wait(5)
    }
    state.storage.sql.exec(`INSERT INTO t VALUES ('written')`)
    throw new Error('after the write')
  },

  size: ({ state }) => state.storage.sql.databaseSize,

  deleteAll: async ({ state }) => {
    await state.storage.deleteAll()
    const tables = `SELECT name FROM sqlite_schema WHERE name NOT LIKE '_cf%'`
    return {
      tables: tell([...state.storage.sql.exec(tables).raw()].flat()),
      alarm: await state.storage.getAlarm(),
    }
  },

  deleteAllAndWrite: async ({ state }) => {
    await state.storage.deleteAll()
    state.storage.sql.exec(`CREATE TABLE fresh (x TEXT)`)
    state.storage.sql.exec(`INSERT INTO fresh VALUES ('after')`)
  },

  writeAndDeleteAll: async ({ state }) => {
    await state.storage.setAlarm(Date.now() + 1e9)
    state.storage.sql.exec('CREATE TABLE lost (x)')
    await state.storage.deleteAll()
    return 'deleted'
  },

  /** Three commits that follow each other at once, the last of them in another file. */
  writeDeleteWrite: async ({ state }) => {
    await state.storage.setAlarm(Date.now() + 1e9)
    state.storage.sql.exec('CREATE TABLE lost (x)')
    await state.storage.deleteAll()
    state.storage.sql.exec('CREATE TABLE kept (x)')
    return 'written'
  },

  sync: async ({ state }) => {
    state.storage.sql.exec('CREATE TABLE s (x)')
    await state.storage.sync()
    return 'synced'
  },
}
