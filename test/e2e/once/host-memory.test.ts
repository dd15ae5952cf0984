import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { SocketClient } from '../../host/socket-client.ts'
import { describePlatform, type World } from '../../host/world.ts'

/** Long enough for an object to leave the memory: workerd takes ten seconds for it. */
const IDLE_MS = 12_000

const open = (world: World, object: string, sort = 'hibernate'): Promise<SocketClient> =>
  SocketClient.open(`${world.url}/fetch/${object}?${sort}&word=${object}`)

function theMemory(world: World): void {
  it('[HST23] what is idle for ten seconds leaves the memory, but for what is under way', async () => {
    await world.ask('idle', 'script', 'CREATE TABLE old (x)', 'INSERT INTO old VALUES (1)')
    const names = ['idle', 'hibernating', 'standing', 'timer', 'until', 'waits', 'asked']
    const hibernating = await open(world, 'hibernating')
    const standing = await open(world, 'standing', 'standard')
    const born = await Promise.all(names.map((name) => world.ask(name, 'born')))
    await world.ask('timer', 'timer', 20_000)
    await world.ask('until', 'later', 'ctx', 20_000)
    const waiting = world.ask('waits', 'wait', IDLE_MS + 3000)
    await sleep(IDLE_MS / 2)
    await world.ask('asked', 'born')
    await sleep(IDLE_MS / 2)
    const now = await Promise.all(names.map((name) => world.ask(name, 'born')))
    const stayed = names.filter((_, place) => now[place] === born[place])
    expect(stayed).toEqual(['standing', 'timer', 'until', 'waits', 'asked'])
    expect(await waiting).toBe('waited')
    expect(await world.column('idle', 'SELECT x FROM old')).toEqual([1])
    hibernating.end()
    standing.end()
  })

  it('[HST24] a socket that hibernates stays open, with its attachment, and wakes the object', async () => {
    const socket = await open(world, 'sleeper')
    expect(await socket.next()).toBe('welcome')
    const born = await world.ask('sleeper', 'born')
    await sleep(IDLE_MS)
    socket.send('attachment')
    const said = JSON.parse(String(await socket.next())) as Record<string, unknown>
    expect(said['attachment']).toEqual({ born, word: 'sleeper' })
    expect(said['born']).not.toBe(born)
    expect(await world.ask('sleeper', 'sockets')).toEqual([[1, { born, word: 'sleeper' }]])
    await sleep(IDLE_MS)
    socket.close(4000, 'bye')
    expect(await socket.closed()).toEqual({ code: 4000, reason: 'bye' })
    await sleep(200)
    expect(await world.ask('sleeper', 'notes')).toEqual(['close 4000 bye true'])
    expect(await world.ask('sleeper', 'sockets')).toEqual([])
  })

  it('[HST24] an object that is woken by a call finds its socket', async () => {
    const socket = await open(world, 'called')
    expect(await socket.next()).toBe('welcome')
    const born = await world.ask('called', 'born')
    await sleep(IDLE_MS)
    await world.ask('called', 'broadcast', 'after a call')
    expect(await socket.next()).toBe('after a call')
    expect(await world.ask('called', 'born')).not.toBe(born)
    socket.end()
  })

  it('[HST16] an object that was aborted leaves its place to one other, for as long as one likes', async () => {
    await world.ask('one', 'born')
    await world.refusal('one', 'abort', 'once')
    const born = await world.ask('one', 'born')
    await world.ask('one', 'script', 'CREATE TABLE one (x)')
    for (let second = 0; second < IDLE_MS / 1000; second++) {
      await sleep(1000)
      expect(await world.ask('one', 'born')).toBe(born)
    }
  })
}

describePlatform('memory', theMemory, { concurrent: true })
