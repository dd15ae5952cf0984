import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Platform } from '../../host/platform.ts'
import { describePlatform, World } from '../../host/world.ts'

const ways: readonly (readonly [Platform, Platform, 'stop' | 'kill9'])[] = [
  ['host', 'workerd', 'stop'],
  ['host', 'workerd', 'kill9'],
  ['workerd', 'host', 'stop'],
  ['workerd', 'host', 'kill9'],
]

describe('one data directory', () => {
  it.each(ways)(
    '[HST25] what %s has written %s goes on with, after a %s',
    async (from, to, end) => {
      const world = new World(from)
      onTestFinished(() => world.end())
      const far = Date.now() + 1e9
      await world.start()
      await world.ask('kept', 'script', 'CREATE TABLE f (x BLOB, y TEXT, z INTEGER)')
      const row = ['INSERT INTO f VALUES (?, ?, ?)', { blob: [0, 255] }, 'té', 2 ** 53 - 1]
      await world.ask('kept', 'sql', ...row)
      await world.ask('gone', 'script', 'CREATE TABLE lost (x)')
      await world.ask('gone', 'deleteAll')
      await world.ask('far', 'setAlarm', far)
      const due = Number(await world.ask('soon', 'alarmIn', 2500, 'next 300', 'ok'))
      const past = Number(await world.ask('past', 'alarmIn', 200, 'throw', 'ok'))
      const { id } = (await world.ask('kept', 'name')) as { id: string }
      await sleep(400)
      await world[end]()

      await world.start(to)
      expect(await world.ask('kept', 'name')).toEqual({ name: 'kept', id })
      const values = { x: { buffer: '00ff' }, y: 'té', z: 2 ** 53 - 1 }
      expect(await world.ask('kept', 'sql', 'SELECT * FROM f')).toEqual([values])
      const tables = `SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'`
      expect(await world.column('gone', tables)).toEqual([])
      expect(await world.ask('far', 'getAlarm')).toBe(far)
      await sleep(Math.max(0, due - Date.now()) + 1500)
      const rang = (await world.ask('soon', 'rang')) as { at: number }[]
      expect(rang.map(({ at }) => at >= due)).toEqual([true, true])
      expect(await world.ask('soon', 'ringer')).toBe('soon')
      const again = (await world.ask('past', 'rang')) as { at: number }[]
      expect(again.map(({ at }) => at >= past)).toEqual([true, true])
      await world.ask('kept', 'sql', ...row)
      await world.ask('far', 'setAlarm', far + 1)
      await world[end]()

      await world.start(from)
      expect(await world.ask('kept', 'sql', 'SELECT * FROM f')).toEqual([values, values])
      expect(await world.ask('far', 'getAlarm')).toBe(far + 1)
      expect(await world.ask('soon', 'rang')).toHaveLength(2)
      await world.end()
    },
  )

  it('[HST25] values that workerd has taken and Cloudflare would not are read by the host', async () => {
    const world = new World('workerd')
    onTestFinished(() => world.end())
    await world.start()
    await world.ask('large', 'script', 'CREATE TABLE l (x)')
    await world.ask('large', 'sql', 'INSERT INTO l VALUES (?)', { zeros: 7_500_000 })
    await world.kill9()
    await world.start('host')
    expect(await world.column('large', 'SELECT length(x) FROM l')).toEqual([7_500_000])
    expect(await world.column('large', 'SELECT hex(substr(x, 7499999)) FROM l')).toEqual(['0000'])
  })
})

describePlatform('what was acknowledged', (world) => {
  it('[HST26] is there after a SIGKILL right behind the answer', async () => {
    await world.ask('killed', 'script', 'CREATE TABLE k (x INTEGER PRIMARY KEY)')
    const acknowledged: number[] = []
    for (let round = 0; round < 8; round++) {
      const writers = Array.from({ length: round === 0 ? 1 : 8 }, async (_, writer) => {
        try {
          for (let count = 0; ; count++) {
            const x = (round * 100 + writer) * 100_000 + count
            await world.ask('killed', 'script', `INSERT INTO k VALUES (${x})`)
            acknowledged.push(x)
          }
        } catch {
          // Killed in the middle of it: it may have been written or not.
        }
      })
      const wanted = acknowledged.length + 20 + round * 7
      while (acknowledged.length < wanted) {
        await sleep(1)
      }
      await world.kill9()
      await Promise.all(writers)
      await world.start()
      const kept = new Set(await world.column('killed', 'SELECT x FROM k'))
      expect(acknowledged.filter((x) => !kept.has(x))).toEqual([])
    }
  })
})

describe('files', () => {
  it('[HST29] an object that is only read has no file', async () => {
    const world = new World('host')
    onTestFinished(() => world.end())
    await world.start()
    const files = (): number => readdirSync(join(world.directory, 'contract-subject')).length
    const before = files()
    expect(await world.ask('read', 'readOnly')).toEqual([{ x: 1 }])
    expect(await world.ask('read', 'getAlarm')).toBeNull()
    expect(await world.column('read', 'SELECT 1')).toEqual([1])
    expect(await world.ask('read', 'deleteAlarm')).toBeNull()
    expect(files()).toBe(before)
  })

  it('[HST28] a disk that takes no more breaks the object, and all that was acknowledged is there', async () => {
    const world = new World('host')
    onTestFinished(() => world.end())
    await world.start('host', { fileKilobytes: 512 })
    await world.ask('full', 'script', 'CREATE TABLE d (x INTEGER PRIMARY KEY, y BLOB)')
    const acknowledged: unknown[] = []
    let refused = 0
    for (let x = 0; refused < 5; x++) {
      try {
        const insert = `INSERT INTO d VALUES (${x}, zeroblob(10000))`
        await world.ask('full', 'script', insert, `UPDATE d SET y = zeroblob(9999) WHERE x = ${x}`)
        acknowledged.push(x)
      } catch {
        refused++
      }
    }
    expect(acknowledged.length).toBeGreaterThan(5)
    await world.stop()
    await world.start()
    const rows = await world.column('full', 'SELECT x FROM d ORDER BY x')
    expect(rows.filter((x) => acknowledged.includes(x))).toEqual(acknowledged)
    expect(await world.column('full', 'SELECT DISTINCT length(y) FROM d')).toEqual([9999])
    expect(await world.column('full', 'PRAGMA quick_check')).toEqual(['ok'])
    await world.ask('full', 'script', `INSERT INTO d VALUES (-1, '')`)
  })
})
