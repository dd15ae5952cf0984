import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Frame, messagesOf } from '../../src/protocol/frames.ts'

const MAX = 100
const frameOf = (length: number, stream: number): Frame => ({
  kind: 2,
  stream,
  payload: new Uint8Array(length),
})
const lengthOf = (frames: readonly Frame[]): number =>
  frames.reduce((sum, { payload }) => sum + payload.length, 0)

it('[LNK30] frames leave in their order, in as few messages as have room for them', () => {
  const lengths = fc.array(fc.oneof(fc.nat(30), fc.nat(250)), { maxLength: 30 })
  fc.assert(
    fc.property(lengths, (all) => {
      const frames = all.map(frameOf)
      const messages = messagesOf(frames, MAX)
      expect(messages.flat()).toEqual(frames)
      for (const [at, message] of messages.entries()) {
        expect(message.length === 1 || lengthOf(message) <= MAX).toBe(true)
        const [next] = messages[at + 1] ?? []
        expect(next === undefined || lengthOf([...message, next]) > MAX).toBe(true)
      }
    }),
  )
})

it('[LNK30] what is short enough is one message, and none is longer than 16 MiB', () => {
  const frames = [frameOf(8_500_000, 1), frameOf(8_000_000, 2), frameOf(10, 3)]
  expect(messagesOf(frames)).toEqual([frames])
  expect(messagesOf([...frames, ...frames]).map((message) => message.length)).toEqual([3, 3])
})
