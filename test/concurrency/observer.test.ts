import { describe, expect, it } from 'vitest'
import { Observer, observeRequest } from '../../src/concurrency/observer.ts'
import { firstInQueue, prefixOf } from '../../src/concurrency/queue.ts'
import { type News, utf8, World } from './world.ts'

/** An observer of the election `n` whose reader has room for so many messages. */
class Reader {
  readonly #world: World
  readonly news: News[] = []
  room: number
  ended = 0
  readonly observer: Observer
  readonly #stream: ReturnType<World['keyspace']['hub']['open']>

  constructor(world: World, room: number) {
    this.#world = world
    this.room = room
    const { store, hub } = world.keyspace
    this.observer = new Observer({
      ready: () => this.room > 0,
      send: (revision, kv) => {
        this.room--
        this.news.push({ revision, kv })
      },
      end: () => {
        this.ended++
      },
      changed: () => undefined,
      leader: () => ({
        revision: store.revision,
        kv: store.range(firstInQueue(prefixOf(utf8('n'))), Infinity).kvs[0],
      }),
    })
    this.#stream = hub.open(this.observer)
    this.#stream.create(observeRequest(utf8('n')))
  }

  async makeRoom(room: number): Promise<void> {
    this.room = room
    this.#world.keyspace.hub.drained(this.#stream)
    await this.#world.settle()
  }

  take(): readonly string[] {
    return this.news.splice(0).map(({ kv }) => text(kv.key) + '=' + text(kv.value))
  }
}

describe('an observer', () => {
  it('[OBS1] tells who leads, then each value of the leader, and who leads after it', () => {
    const world = new World()
    world.put('n/a', '1')
    const reader = new Reader(world, Infinity)
    reader.observer.begin()
    expect(reader.take()).toEqual(['n/a=1'])
    world.put('n/a', '2')
    world.put('n/b', '3')
    world.put('n/b', '4')
    expect(reader.take()).toEqual(['n/a=2'])
    world.delete('n/a')
    expect(reader.take()).toEqual(['n/b=4'])
    world.delete('n/b')
    world.put('n0', 'beside')
    world.put('n/c', '5')
    expect(reader.take()).toEqual(['n/c=5'])
  })

  it('[OBS2] whose reader is behind hears later of what the leader has proclaimed since', async () => {
    const world = new World()
    const reader = new Reader(world, 1)
    reader.observer.begin()
    for (const value of ['1', '2', '3']) {
      world.put('n/a', value)
      await world.settle()
    }
    expect(reader.take()).toEqual(['n/a=1'])
    await reader.makeRoom(10)
    expect(reader.take()).toEqual(['n/a=2', 'n/a=3'])
    world.put('n/a', '4')
    expect(reader.take()).toEqual(['n/a=4'])
  })

  it('[OBS2] whose reader is behind is told of the leader of now, once', async () => {
    const world = new World()
    world.put('n/a', '1')
    const reader = new Reader(world, 1)
    reader.observer.begin()
    expect(reader.take()).toEqual(['n/a=1'])
    world.put('n/b', '2')
    world.delete('n/a')
    world.put('n/c', '3')
    world.delete('n/b')
    world.put('n/c', '4')
    await reader.makeRoom(10)
    expect(reader.take()).toEqual(['n/c=4'])
    expect(reader.news).toEqual([])
  })

  it('[OBS3] ends without an error when what it has to tell has been compacted', async () => {
    const world = new World()
    const reader = new Reader(world, 0)
    reader.observer.begin()
    world.put('n/a', '1')
    world.put('n/a', '2')
    world.keyspace.store.compact(world.keyspace.store.revision)
    await reader.makeRoom(10)
    expect(reader.ended).toBe(1)
    expect(reader.take()).toEqual([])
  })

  it('[OBS4] goes on after hibernation without telling the leader again', () => {
    const world = new World()
    world.put('n/a', '1')
    world.put('n/b', '2')
    const reader = new Reader(world, Infinity)
    reader.observer.resume()
    expect(reader.take()).toEqual([])
    world.put('n/b', '3')
    world.put('n/a', '4')
    world.delete('n/a')
    expect(reader.take()).toEqual(['n/a=4', 'n/b=3'])
  })
})

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
