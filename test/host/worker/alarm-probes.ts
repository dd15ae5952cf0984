import { type Probe, type Subject, tell } from './words.ts'

/** What the handler is to do, one step each time: `ok`, `throw`, or `next MS`. */
export async function rang(
  { state, notes }: Subject,
  info: AlarmInvocationInfo | undefined,
): Promise<void> {
  const { sql } = state.storage
  notes.push('rang')
  sql.exec('CREATE TABLE IF NOT EXISTS rang (at INTEGER, retry INTEGER, alarm INTEGER)')
  const alarm = await state.storage.getAlarm()
  sql.exec('CREATE TABLE IF NOT EXISTS plan (step TEXT)')
  sql.exec('CREATE TABLE IF NOT EXISTS ringer (name TEXT)')
  sql.exec('INSERT INTO ringer VALUES (?)', state.id.name ?? null)
  sql.exec('INSERT INTO rang VALUES (?, ?, ?)', Date.now(), info?.retryCount ?? null, alarm)
  const [row] = sql.exec('SELECT rowid AS id, step FROM plan ORDER BY rowid LIMIT 1').toArray()
  if (row === undefined) {
    return
  }
  sql.exec('DELETE FROM plan WHERE rowid = ?', row['id'])
  const [word, ms] = String(row['step']).split(' ')
  if (word === 'throw') {
    throw new Error('the alarm failed')
  }
  if (word === 'next') {
    await state.storage.setAlarm(Date.now() + Number(ms))
  }
}

export const alarmProbes: Readonly<Record<string, Probe>> = {
  /** The alarm goes off in so many ms and then does the steps. */
  alarmIn: async ({ state }, [ms, ...steps]: [number, ...string[]]) => {
    state.storage.sql.exec('CREATE TABLE IF NOT EXISTS plan (step TEXT)')
    for (const step of steps) {
      state.storage.sql.exec('INSERT INTO plan VALUES (?)', step)
    }
    const at = Date.now() + ms
    await state.storage.setAlarm(at)
    return at
  },

  setAlarm: async ({ state }, [at]: [number]) => {
    await state.storage.setAlarm(at)
    return await state.storage.getAlarm()
  },

  setAlarmDate: async ({ state }, [at]: [number]) => {
    await state.storage.setAlarm(new Date(at))
    return await state.storage.getAlarm()
  },

  /** Sets an alarm in a transaction that is undone. */
  alarmUndone: async ({ state }, [at]: [number]) => {
    try {
      state.storage.transactionSync(() => {
        void state.storage.setAlarm(at)
        throw new Error('undone')
      })
    } catch {
      // It was to be.
    }
    return await state.storage.getAlarm()
  },

  /** Puts the alarm off, and is lost before that is on disk. */
  alarmAndAbort: ({ state }, [at]: [number]) => {
    void state.storage.setAlarm(at)
    state.abort('with an alarm')
  },

  getAlarm: ({ state }) => state.storage.getAlarm(),

  deleteAlarm: async ({ state }) => {
    await state.storage.deleteAlarm()
    return await state.storage.getAlarm()
  },

  /** Of which object the handler thought that it was. */
  ringer: ({ state }) => state.storage.sql.exec('SELECT name FROM ringer').one()['name'],

  /** When it has gone off. */
  rang: ({ state }) => {
    state.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS rang (at INTEGER, retry INTEGER, alarm INTEGER)',
    )
    return tell(state.storage.sql.exec('SELECT * FROM rang ORDER BY rowid').toArray())
  },
}
