import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeFrames, type Frame, HEAD_BYTES, messagesOf } from '../../src/protocol/frames.ts'

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

it('[LNK32] a long payload with room for its head leaves alone and in its own buffer, as it would otherwise', () => {
  const lengths = fc.array(fc.oneof(fc.nat(30), fc.integer({ min: 65_530, max: 65_545 })), {
    maxLength: 8,
  })
  fc.assert(
    fc.property(lengths, (all) => {
      const frames = all.map((length, stream): Frame => {
        const buffer = new Uint8Array(HEAD_BYTES + length).fill(stream)
        return { kind: 2, stream, payload: buffer.subarray(HEAD_BYTES), hasRoom: true }
      })
      const copied = encodeFrames(frames.map((frame) => ({ ...frame, hasRoom: false })))
      const messages = messagesOf(frames)
      const sent = messages.map(encodeFrames)
      expect(Buffer.concat(sent).equals(copied)).toBe(true)
      for (const [at, message] of messages.entries()) {
        const long = message.filter(({ payload }) => payload.length >= 65_536)
        expect(long.length === 0 || message.length === 1).toBe(true)
        expect(long.every(({ payload }) => payload.buffer === sent[at]?.buffer)).toBe(true)
      }
    }),
  )
})
