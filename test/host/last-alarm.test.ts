import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Actor } from '../../src/host/actor.ts'
import { DurableObjectIds } from '../../src/host/durable-object-id.ts'
import type { DurableObjectState } from '../../src/host/durable-object-state.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'last-alarm-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

/** Its alarm always fails. */
class Failing {
  readonly [method: string]: unknown
  readonly ctx: DurableObjectState

  constructor(ctx: DurableObjectState) {
    this.ctx = ctx
  }

  set(time: number): Promise<void> {
    return this.ctx.storage.setAlarm(time)
  }

  get(): Promise<number | null> {
    return this.ctx.storage.getAlarm()
  }

  async alarm(): Promise<void> {
    throw new Error('it always fails')
  }
}

it.each([
  [false, true],
  [true, false],
])(
  '[HST11] a handler that has failed for the last time, %s, leaves an alarm, %s',
  async (isLast, isLeft) => {
    const actor = new Actor({
      id: new DurableObjectIds('key').fromName('failing'),
      path: join(directory, 'failing.sqlite'),
      objectClass: Failing,
      diskFull: () => undefined,
      env: () => ({}),
      alarms: { set: () => undefined, delete: () => undefined },
      gone: () => undefined,
    })
    await actor.call('set', [Date.now()])
    await expect(actor.alarm(6, isLast)).rejects.toThrow('it always fails')
    expect((await actor.call('get', [])) !== null).toBe(isLeft)
    actor.evict()
  },
)
