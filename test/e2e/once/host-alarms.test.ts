import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { describePlatform, type World } from '../../host/world.ts'

interface Rang {
  readonly at: number
  readonly retry: number | null
  readonly alarm: number | null
}

/** When it has rung so often: how. */
async function rangs(world: World, object: string, times: number): Promise<Rang[]> {
  for (;;) {
    const rang = (await world.ask(object, 'rang')) as Rang[]
    if (rang.length >= times) {
      return rang
    }
    await sleep(100)
  }
}

function theAlarm(world: World): void {
  it('[HST9] a time that is none is refused, one that is past is now', async () => {
    await world.ask('past', 'setAlarm', Date.now() + 1e9)
    for (const bad of [0, -5, 1e15, 'x']) {
      expect((await world.refusal('past', 'setAlarm', bad)).name).toBe('TypeError')
    }
    const before = Date.now()
    await world.ask('past', 'alarmIn', -10_000)
    const [rang] = await rangs(world, 'past', 1)
    expect(rang?.at).toBeGreaterThanOrEqual(before)
    expect(await world.ask('past', 'getAlarm')).toBeNull()
  })

  it('[HST10] the alarm goes off though nobody calls, once, and has none of itself', async () => {
    const at = Number(await world.ask('alone', 'alarmIn', 700))
    await sleep(3000)
    const asked = Date.now()
    const rang = (await world.ask('alone', 'rang')) as Rang[]
    expect(rang).toMatchObject([{ retry: 0, alarm: null }])
    expect(rang[0]?.at).toBeGreaterThanOrEqual(at)
    expect(rang[0]?.at).toBeLessThan(asked - 300)
    expect(await world.ask('alone', 'getAlarm')).toBeNull()
  })

  it('[HST11] a handler that throws is called again, and has written what it wrote', async () => {
    await world.ask('again', 'alarmIn', 50, 'throw', 'ok')
    const [first, second] = await rangs(world, 'again', 2)
    expect([first?.retry, second?.retry]).toEqual([0, 1])
    expect(Number(second?.at) - Number(first?.at)).toBeGreaterThan(900)
    await sleep(300)
    expect(await world.ask('again', 'getAlarm')).toBeNull()
  })

  it('[HST11] a handler may set the next alarm', async () => {
    await world.ask('chain', 'alarmIn', 50, 'next 200', 'next 200', 'ok')
    const rang = await rangs(world, 'chain', 3)
    expect(rang.map(({ retry }) => retry)).toEqual([0, 0, 0])
    expect(Number(rang[2]?.at) - Number(rang[0]?.at)).toBeGreaterThanOrEqual(400)
  })

  it('[HST12] an alarm that is undone was not set, nor was another put off', async () => {
    const at = Number(await world.ask('undone', 'alarmIn', 1000))
    expect(await world.ask('undone', 'alarmUndone', at + 1e6)).toBe(at)
    await world.refusal('undone', 'alarmAndAbort', at + 1e6)
    await sleep(Math.max(0, at - Date.now()) + 800)
    expect(await world.ask('undone', 'rang')).toHaveLength(1)
    expect(await world.ask('undone', 'alarmUndone', Date.now() + 100)).toBeNull()
    await sleep(600)
    expect(await world.ask('undone', 'rang')).toHaveLength(1)
  })
}

describePlatform('alarms', theAlarm, { concurrent: true })

describePlatform('alarms over a restart', (world) => {
  it('[HST9] the alarm is what was set last, in whole milliseconds, or none', async () => {
    const far = Date.now() + 1e9
    expect(await world.ask('set', 'getAlarm')).toBeNull()
    expect(await world.ask('set', 'setAlarm', far + 0.75)).toBe(far)
    expect(await world.ask('set', 'setAlarmDate', far + 5)).toBe(far + 5)
    expect(await world.ask('set', 'getAlarm')).toBe(far + 5)
    await world.kill9()
    await world.start()
    expect(await world.ask('set', 'getAlarm')).toBe(far + 5)
    expect(await world.ask('set', 'deleteAlarm')).toBeNull()
    await world.kill9()
    await world.start()
    expect(await world.ask('set', 'getAlarm')).toBeNull()
  })

  it('[HST10] it goes off after a restart too, and the object knows its name', async () => {
    const at = Number(await world.ask('restarted', 'alarmIn', 1500))
    const soon = Number(await world.ask('down', 'alarmIn', 50, 'next 400'))
    await world.kill9()
    await world.start()
    await sleep(Math.max(0, at - Date.now()) + 1500)
    const asked = Date.now()
    const later = (await world.ask('restarted', 'rang')) as Rang[]
    expect(later.map((rang) => rang.at >= at && rang.at < asked - 500)).toEqual([true])
    expect(await world.ask('restarted', 'ringer')).toBe('restarted')
    const due = (await world.ask('down', 'rang')) as Rang[]
    expect(due.map((rang) => rang.at >= soon)).toEqual([true, true])
  })
})
