import { waitUntil } from 'cloudflare:workers'
import type { Probe } from './words.ts'

/** A row that refers to one that is not there, which only COMMIT finds out. */
const dangling = [
  'CREATE TABLE IF NOT EXISTS parent (id INTEGER PRIMARY KEY)',
  'CREATE TABLE IF NOT EXISTS child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)',
  'INSERT INTO child VALUES (42)',
]

export const lifeProbes: Readonly<Record<string, Probe>> = {
  born: ({ born }) => born,

  notes: ({ notes }) => notes,

  note: ({ notes }, [word]: [string]) => notes.push(word),

  name: ({ state }) => ({ name: state.id.name ?? null, id: state.id.toString() }),

  /** Writes what cannot be committed, and answers as if all were well. */
  dangle: ({ state }) => {
    dangling.forEach((text) => state.storage.sql.exec(text))
    return 'committed'
  },

  /** The same, of which the object hears by `sync`. */
  dangleAndSync: async ({ state }) => {
    dangling.forEach((text) => state.storage.sql.exec(text))
    await state.storage.sync()
    return 'synced'
  },

  /** Tells another object what it has written, which is never committed. */
  dangleAndTell: async ({ state, bound }, [other]: [string]) => {
    dangling.forEach((text) => state.storage.sql.exec(text))
    return await bound.SUBJECT.getByName(other).note('told')
  },

  /** The same of what is. */
  writeAndTell: async ({ state, bound }, [other]: [string]) => {
    state.storage.sql.exec('CREATE TABLE told (x)')
    const stub = bound.SUBJECT.getByName(other)
    return await Promise.all([stub.note('a'), stub.note('b'), stub.note('c')])
  },

  /** Keeps the others out for a while. */
  block: ({ state, notes }, [ms]: [number]) =>
    state.blockConcurrencyWhile(async () => {
      notes.push('block begins')
      await scheduler.wait(ms)
      notes.push('block ends')
      return 'blocked'
    }),

  blockAndFail: ({ state }, [ms]: [number]) =>
    state.blockConcurrencyWhile(async () => {
      await scheduler.wait(ms)
      throw new Error('the block failed')
    }),

  abort: ({ state }, [reason]: [string]) => state.abort(reason),

  /** Is aborted in a transaction. */
  abortInTransaction: ({ state }) =>
    state.storage.transactionSync(() => {
      state.storage.sql.exec('CREATE TABLE IF NOT EXISTS kept (x)')
      state.abort('within')
    }),

  /** Goes on behind its own end. */
  abortAndGoOn: async ({ state, notes }) => {
    try {
      state.abort('and on')
    } catch {
      // It goes on.
    }
    await scheduler.wait(20)
    notes.push('a ghost')
    state.storage.sql.exec('CREATE TABLE ghost (x)')
    return 'it went on'
  },

  /** A timer that nobody waits for. */
  timer: ({ notes }, [ms]: [number]) => {
    setTimeout(() => notes.push('timer'), ms)
    return 'set'
  },

  /** Waits, unless it is lost meanwhile. */
  wait: async (_, [ms]: [number]) => {
    await scheduler.wait(ms)
    return 'waited'
  },

  /** Writes, is aborted within the turn, and was never committed. */
  writeAndAbort: async ({ state }) => {
    state.storage.sql.exec('CREATE TABLE IF NOT EXISTS kept (x)')
    await state.storage.sync()
    state.storage.sql.exec(`INSERT INTO kept VALUES ('lost')`)
    state.abort('in the middle')
  },

  later: ({ state, notes }, [way, ms]: [string, number]) => {
    const work = scheduler.wait(ms).then(() => {
      notes.push(`later by ${way}`)
      state.storage.sql.exec('CREATE TABLE IF NOT EXISTS later (x)')
      return undefined
    })
    if (way === 'ctx') {
      state.waitUntil(work)
    } else {
      waitUntil(work)
    }
    return 'at once'
  },

  /** How long the clock says that a wait took. */
  scheduler: async (_, [ms]: [number]) => {
    const before = Date.now()
    await scheduler.wait(ms)
    return Date.now() - before
  },

  digest: async () => {
    const stream = new crypto.DigestStream('SHA-256')
    const writer = stream.getWriter()
    await writer.write(new TextEncoder().encode('ab'))
    await writer.write(new TextEncoder().encode('c'))
    await writer.close()
    return [...new Uint8Array(await stream.digest)]
  },

  responses: async () => {
    const json = Response.json({ a: 1 }, { status: 201, headers: { 'X-A': 'b' } })
    const copied = new Response('copied', json)
    const [client, server] = Object.values(new WebSocketPair())
    const upgrade = new Response(null, { status: 101, webSocket: client ?? null })
    server?.accept()
    return {
      json: [
        json.status,
        json.headers.get('Content-Type'),
        json.headers.get('X-A'),
        await json.text(),
      ],
      copied: [copied.status, copied.headers.get('X-A'), await copied.text()],
      upgrade: [upgrade.status, upgrade.webSocket === client],
      plain: [
        new Response('x').webSocket,
        new Response('x').status,
        Response.json(1) instanceof Response,
      ],
    }
  },
}
