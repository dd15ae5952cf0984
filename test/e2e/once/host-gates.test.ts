import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { SocketClient } from '../../host/socket-client.ts'
import { describePlatform, type World } from '../../host/world.ts'

/** What is in the table that COMMIT refuses to have a row in. */
async function danglingRows(world: World, object: string): Promise<unknown> {
  const tables = `SELECT count(*) FROM sqlite_schema WHERE name = 'child'`
  const [count] = await world.column(object, tables)
  return count === 0 ? [] : world.column(object, 'SELECT parent FROM child')
}

describePlatform('the output gate', (world) => {
  it.each(['dangle', 'dangleAndSync'])(
    '[HST13] a commit that fails answers no call with success and resets the object, %s',
    async (probe) => {
      const object = `rpc ${probe}`
      await world.ask(object, 'script', 'CREATE TABLE old (x)', 'INSERT INTO old VALUES (1)')
      const born = await world.ask(object, 'born')
      expect((await world.refusal(object, probe)).message).toContain(
        'FOREIGN KEY constraint failed',
      )
      expect(await world.ask(object, 'born')).not.toBe(born)
      expect(await world.column(object, 'SELECT x FROM old')).toEqual([1])
      expect(await danglingRows(world, object)).toEqual([])
    },
  )

  it('[HST13] nor a request, nor what came in the same turn', async () => {
    const answer = await world.answer('/fetch/http/dangle', [])
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain('committed')
    expect(await danglingRows(world, 'http')).toEqual([])
    const born = await world.ask('http', 'born')
    const waiting = world.refusal('http', 'wait', 5000)
    await sleep(100)
    await world.answer('/fetch/http/dangle', [])
    expect((await waiting).message).not.toBe('')
    expect(await world.ask('http', 'born')).not.toBe(born)
  })

  it.each(['', '&hibernate'])('[HST13] nor a message of a socket%s, which ends', async (sort) => {
    const object = `socket${sort === '' ? '' : '-hibernating'}`
    const socket = await SocketClient.open(`${world.url}/fetch/${object}?word=x${sort}`)
    expect(await socket.next()).toBe('welcome')
    socket.send('dangle')
    expect(await socket.closed()).toMatchObject({ code: 1006 })
    expect(socket.unread).toEqual([])
    expect(await danglingRows(world, object)).toEqual([])
    expect(await world.ask(object, 'sockets')).toEqual([])
  })

  it('[HST13] what was sent before it in the turn does not leave either', async () => {
    const socket = await SocketClient.open(`${world.url}/fetch/told?word=x&hibernate`)
    expect(await socket.next()).toBe('welcome')
    await world.refusal('told', 'broadcastAndDangle', 'early')
    await socket.closed()
    const said = socket.unread.filter((message) => message !== 'early')
    expect(said).toEqual([])
  })

  it('[HST14] a call to another object leaves when what was written before is on disk', async () => {
    await world.refusal('teller', 'dangleAndTell', 'listener')
    await sleep(100)
    expect(await world.ask('listener', 'notes')).toEqual([])
    expect(await world.ask('teller', 'writeAndTell', 'listener')).toEqual([1, 2, 3])
    expect(await world.ask('listener', 'notes')).toEqual(['a', 'b', 'c'])
  })
})

describePlatform('the input gate', (world) => {
  it('[HST15] blockConcurrencyWhile keeps events out, which then come in their order', async () => {
    const block = world.ask('block', 'block', 300)
    await sleep(100)
    await world.call('block', 'order', 5)
    expect(await block).toBe('blocked')
    const notes = ['block begins', 'block ends', '0', '1', '2', '3', '4']
    expect(await world.ask('block', 'notes')).toEqual(notes)
  })

  it('[HST15] so does one that the constructor begins', async () => {
    expect(await world.ask('blocked-from-birth', 'note', 'first')).toBe(2)
    expect(await world.ask('blocked-from-birth', 'notes')).toEqual(['born', 'first'])
  })

  it('[HST15] messages of sockets wait as well', async () => {
    const socket = await SocketClient.open(`${world.url}/fetch/block-socket?word=x&hibernate`)
    await socket.next()
    const block = world.ask('block-socket', 'block', 300)
    await sleep(100)
    socket.send('note ["from the socket"]')
    await block
    await socket.next()
    const notes = ['block begins', 'block ends', 'from the socket']
    expect(await world.ask('block-socket', 'notes')).toEqual(notes)
    socket.end()
  })

  it('[HST15] one that fails resets the object, and who waits hears of it', async () => {
    const born = await world.ask('fails', 'born')
    const block = world.refusal('fails', 'blockAndFail', 200)
    await sleep(50)
    const waiting = world.refusal('fails', 'born')
    expect(await block).toMatchObject({ message: 'the block failed', durableObjectReset: true })
    expect(await waiting).toMatchObject({ durableObjectReset: true })
    expect(await world.ask('fails', 'born')).not.toBe(born)
    const birth = await world.refusal('fails-at-birth', 'born')
    expect(birth).toMatchObject({ message: 'failed at birth', durableObjectReset: true })
    const stillborn = await world.refusal('stillborn', 'born')
    expect(stillborn).toMatchObject({
      name: 'RangeError',
      message: 'stillborn',
      durableObjectReset: true,
    })
  })
})

describePlatform('abort', (world) => {
  it('[HST16] rejects what is under way, forgets the memory, closes sockets, keeps the data', async () => {
    await world.ask('abort', 'script', 'CREATE TABLE old (x)', 'INSERT INTO old VALUES (1)')
    const born = await world.ask('abort', 'born')
    const sockets = await Promise.all(
      ['', '&hibernate'].map((sort) => SocketClient.open(`${world.url}/fetch/abort?word=x${sort}`)),
    )
    const waiting = world.refusal('abort', 'wait', 10_000)
    await sleep(100)
    const reset = { name: 'Error', message: 'because', durableObjectReset: true }
    expect(await world.refusal('abort', 'abort', 'because')).toMatchObject(reset)
    expect(await waiting).toMatchObject(reset)
    for (const socket of sockets) {
      expect(await socket.closed()).toMatchObject({ code: 1006 })
    }
    expect(await world.ask('abort', 'born')).not.toBe(born)
    expect(await world.ask('abort', 'sockets')).toEqual([])
    expect(await world.column('abort', 'SELECT x FROM old')).toEqual([1])
  })

  it('[HST16] undoes what is not committed, also in a transaction', async () => {
    const reset = { durableObjectReset: true }
    expect(await world.refusal('undone', 'writeAndAbort')).toMatchObject(reset)
    expect(await world.column('undone', 'SELECT x FROM kept')).toEqual([])
    const within = await world.refusal('undone', 'abortInTransaction')
    expect(within).toMatchObject({ message: 'within', ...reset })
    expect(await world.column('undone', 'SELECT x FROM kept')).toEqual([])
  })

  it('[HST16] what goes on behind it is of no consequence', async () => {
    const refused = await world.refusal('ghost', 'abortAndGoOn')
    expect(refused).toMatchObject({ message: 'and on', durableObjectReset: true })
    await sleep(100)
    expect(await world.ask('ghost', 'notes')).toEqual([])
    const ghost = `SELECT count(*) FROM sqlite_schema WHERE name = 'ghost'`
    expect(await world.column('ghost', ghost)).toEqual([0])
  })
})
