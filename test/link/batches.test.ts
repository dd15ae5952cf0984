import { setImmediate as nextImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Batches } from '../../src/link/batches.ts'

/** Calls on their way: each message takes all that wait. */
class Sender {
  readonly batches = new Batches((withCalls) => this.#send(withCalls))
  /** The calls of each message. */
  readonly messages: number[] = []
  others = 0
  #waiting = 0

  call(): void {
    this.#waiting++
    this.batches.queued()
  }

  other(): void {
    this.others++
    this.batches.queued()
  }

  answered(message: number): void {
    this.batches.answered(message)
    this.batches.queued()
  }

  #send(withCalls: boolean): number | undefined {
    this.others = 0
    if (!withCalls || this.#waiting === 0) {
      return undefined
    }
    this.messages.push(this.#waiting)
    this.#waiting = 0
    return this.messages.length
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

it('[LNK21] calls that come together leave together, and at once on an idle link', async () => {
  const sender = new Sender()
  sender.call()
  sender.call()
  await nextImmediate()
  expect(sender.messages).toEqual([2])
})

it('[LNK21] calls wait while two messages are under way, for the first answer to one of them', async () => {
  const sender = new Sender()
  sender.call()
  await nextImmediate()
  sender.call()
  await nextImmediate()
  for (let i = 0; i < 3; i++) {
    sender.call()
    await nextImmediate()
  }
  expect(sender.messages).toEqual([1, 1])
  sender.answered(2)
  await nextImmediate()
  expect(sender.messages).toEqual([1, 1, 3])
})

it('[LNK21] what is no call does not wait', async () => {
  const sender = new Sender()
  for (let i = 0; i < 3; i++) {
    sender.call()
    await nextImmediate()
  }
  sender.other()
  await nextImmediate()
  expect(sender.others).toBe(0)
  expect(sender.messages).toEqual([1, 1])
})

it('[LNK9] [LNK21] a message that is not answered stops counting', async () => {
  const sender = new Sender()
  for (let i = 0; i < 3; i++) {
    sender.call()
    await nextImmediate()
  }
  expect(sender.messages).toEqual([1, 1])
  vi.runAllTimers()
  await nextImmediate()
  expect(sender.messages).toEqual([1, 1, 1])
})

it('[LNK21] so many messages are unanswered at once, and no more', async () => {
  const sender = new Sender()
  for (let i = 0; i < 12; i++) {
    sender.call()
    await nextImmediate()
    vi.advanceTimersByTime(10)
    await nextImmediate()
  }
  expect(sender.messages).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
  sender.answered(3)
  await nextImmediate()
  expect(sender.messages).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 4])
  sender.call()
  await nextImmediate()
  vi.advanceTimersByTime(1000)
  await nextImmediate()
  expect(sender.messages).toHaveLength(10)
})
