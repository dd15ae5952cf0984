import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { SocketClient } from '../../host/socket-client.ts'
import { describePlatform, type World } from '../../host/world.ts'

const sorts = ['standard', 'hibernate'] as const
type Sort = (typeof sorts)[number]

async function open(world: World, object: string, sort: Sort): Promise<SocketClient> {
  const socket = await SocketClient.open(`${world.url}/fetch/${object}?${sort}&word=${object}`)
  expect(await socket.next()).toBe('welcome')
  return socket
}

/** What the object has noted, when it has noted so much. */
async function notes(world: World, object: string, count: number): Promise<unknown> {
  for (;;) {
    const noted = (await world.ask(object, 'notes')) as string[]
    if (noted.length >= count) {
      return noted
    }
    await sleep(20)
  }
}

describePlatform('sockets', (world) => {
  it.each(sorts)('[HST20] texts and bytes pass both ways in their order, %s', async (sort) => {
    const socket = await open(world, `echo-${sort}`, sort)
    expect(socket.protocol).toBe('contract')
    const bytes = new Uint8Array([0, 1, 255])
    socket.send('a text')
    socket.send(bytes)
    socket.send(new Uint8Array(0))
    socket.send('x'.repeat(300_000))
    socket.send('many 500')
    expect(await socket.next()).toBe('echo a text')
    expect(await socket.next()).toEqual(bytes)
    expect(await socket.next()).toEqual(new Uint8Array(0))
    expect(await socket.next()).toHaveLength(300_005)
    for (let count = 0; count < 500; count++) {
      expect(await socket.next()).toBe(String(count))
    }
    socket.end()
  })

  it.each(sorts)('[HST20] the object hears how a client closes, %s', async (sort) => {
    const goodbyes: [number | undefined, string][] = [
      [1000, ''],
      [1001, 'away'],
      [4321, 'enough'],
      [undefined, ''],
    ]
    for (const [place, [code, reason]] of goodbyes.entries()) {
      const object = `goodbye-${sort}-${place}`
      const socket = await open(world, object, sort)
      socket.close(code, reason)
      expect(await socket.closed()).toEqual({ code: code ?? 1005, reason })
      const noted = `close ${code ?? 1005} ${reason} true`
      expect(await notes(world, object, 1)).toEqual([noted])
      expect(await world.ask(object, 'sockets')).toEqual([])
    }
    const lost = await open(world, `lost-${sort}`, sort)
    lost.end()
    expect(await notes(world, `lost-${sort}`, 1)).toMatchObject([
      expect.stringMatching(/^close 1006 .*false$/),
    ])
    expect(await world.ask(`lost-${sort}`, 'sockets')).toEqual([])
  })

  it.each(sorts)('[HST20] a client hears how the object closes, %s', async (sort) => {
    for (const [word, goodbye] of [
      ['close 4001 that was it', { code: 4001, reason: 'that was it' }],
      ['close 1000 ', { code: 1000, reason: '' }],
      ['close', { code: 1005, reason: '' }],
    ] as const) {
      const socket = await open(world, `closes-${sort}`, sort)
      socket.send(word)
      expect(await socket.closed()).toEqual(goodbye)
    }
    for (const word of ['close 1005 x', 'close 1006 x', 'close 999 x', 'close 5000 x']) {
      const socket = await open(world, `closes-${sort}`, sort)
      socket.send(`try ${word}`)
      expect(await socket.next()).toContain('Error')
      socket.send('still there')
      expect(await socket.next()).toBe('echo still there')
      socket.end()
    }
  })

  it('[HST20] what a message of a hibernating socket throws ends nothing', async () => {
    const socket = await open(world, 'throws', 'hibernate')
    socket.send('putAndThrow [false]')
    socket.send('and on')
    expect(await socket.next()).toBe('echo and on')
    expect(await world.column('throws', 'SELECT x FROM t')).toEqual(['written'])
    socket.end()
  })

  it('[HST20] both ends may be in one isolate', async () => {
    expect(await world.ask('pair', 'pair')).toEqual([
      ['b', 'text'],
      ['a', { buffer: '0203' }],
      ['a', 4001, 'enough', true],
      ['b', 4001, 'enough', true],
      "TypeError: Can't call WebSocket send() after close().",
    ])
  })

  it('[HST21] an object finds the sockets that hibernate, with what is attached to them', async () => {
    const standard = await open(world, 'found', 'standard')
    const first = await open(world, 'found', 'hibernate')
    const second = await open(world, 'found', 'hibernate')
    const born = await world.ask('found', 'born')
    const found = [1, { born, word: 'found' }]
    expect(await world.ask('found', 'sockets')).toEqual([found, found])
    await world.ask('found', 'broadcast', 'to all')
    expect([await first.next(), await second.next()]).toEqual(['to all', 'to all'])
    first.send('attachment')
    const attachment = { attachment: { born, word: 'found' }, born }
    expect(JSON.parse(String(await first.next()))).toEqual(attachment)
    first.close(1000)
    await first.closed()
    await notes(world, 'found', 1)
    expect(await world.ask('found', 'sockets')).toEqual([found])
    expect(standard.unread).toEqual([])
    standard.end()
    second.end()
  })

  it('[HST21] an object finds the sockets of a tag', async () => {
    const sockets: SocketClient[] = []
    for (const [word, tags] of [
      ['one', '&tag=a'],
      ['both', '&tag=a&tag=b'],
      ['none', ''],
    ]) {
      sockets.push(
        await SocketClient.open(`${world.url}/fetch/tagged?hibernate&word=${word}${tags}`),
      )
    }
    const [one, both] = ['one', 'both'].map((word) => expect.objectContaining({ word }) as unknown)
    expect(await world.ask('tagged', 'tagged', 'a')).toEqual([one, both])
    expect(await world.ask('tagged', 'tagged', 'b')).toEqual([both])
    expect(await world.ask('tagged', 'tagged', 'c')).toEqual([])
    sockets.forEach((socket) => socket.end())
  })

  it('[HST21] an attachment is of 16,384 bytes at most', async () => {
    const socket = await open(world, 'attached', 'hibernate')
    socket.send('attach 16000')
    expect(await socket.next()).toBe('nothing')
    socket.send('attach 16400')
    expect(await socket.next()).toContain('Error')
    socket.send('attachment')
    expect(await socket.next()).toContain('x'.repeat(16_000))
    socket.end()
  })

  it('[HST22] a client that leaves while it is let in leaves nothing behind', async () => {
    const { hostname, port } = new URL(world.url)
    const head = [
      'GET /fetch/blocked-from-birth?hibernate&word=x HTTP/1.1',
      'Host: x',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ]
    for (const end of ['destroy', 'resetAndDestroy'] as const) {
      const socket = connect(Number(port), hostname)
      await once(socket, 'connect')
      socket.write(`${head.join('\r\n')}\r\n\r\n`)
      await sleep(100)
      socket[end]()
      await once(socket, 'close')
    }
    await sleep(500)
    expect(await world.ask('blocked-from-birth', 'sockets')).toEqual([])
  })
})
