import { describe, expect, it } from 'vitest'
import { frameMessage, MessageReader } from '../../src/grpc/message.ts'
import { framed } from './raw-call.ts'

const bytesMax = 100_000

/** What a reader makes of the pieces. */
function read(pieces: readonly Uint8Array[]): string[] {
  const reader = new MessageReader(bytesMax)
  const messages: string[] = []
  for (const piece of pieces) {
    reader.add(piece)
    for (let next = reader.next(); next !== undefined; next = reader.next()) {
      messages.push(`${next.flag}:${Buffer.from(next.payload).toString('latin1')}`)
    }
  }
  return messages
}

describe('reading', () => {
  const messages = ['', 'a', 'bc', '', 'x'.repeat(40), 'end']
  const bytes = Buffer.concat(messages.map((text, index) => framed(Buffer.from(text), index % 2)))
  const whole = messages.map((text, index) => `${index % 2}:${text}`)

  it('[GRC10] reads the same messages wherever their bytes are cut in two', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(read([bytes.subarray(0, cut), bytes.subarray(cut)]), `cut at ${cut}`).toEqual(whole)
    }
  })

  it('[GRC10] reads the same messages byte by byte', () => {
    expect(read(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(whole)
  })

  it('[GRC10] reads a message of many pieces', () => {
    const long = Buffer.alloc(bytesMax, 'abcdefg')
    const pieces: Buffer[] = []
    const all = framed(long)
    for (let offset = 0; offset < all.length; offset += 777) {
      pieces.push(all.subarray(offset, offset + 777))
    }
    expect(read(pieces)).toEqual([`0:${long.toString('latin1')}`])
  })

  it('[GRC8] holds no more than has come, whatever length was announced', () => {
    const reader = new MessageReader(bytesMax)
    reader.add(framed(Buffer.alloc(bytesMax)).subarray(0, 10))
    expect(reader.next()).toBeUndefined()
    expect(reader.heldBytes).toBeLessThan(10_000)
    expect(reader.isInMessage).toBe(true)
  })

  it('[GRC8] takes the longest message and refuses the next by its prefix', () => {
    expect(read([framed(Buffer.alloc(bytesMax))])).toHaveLength(1)
    expect(() => read([framed(Buffer.alloc(bytesMax + 1)).subarray(0, 5)])).toThrow(
      'grpc: received message larger than max (100001 vs. 100000)',
    )
  })
})

describe('writing', () => {
  it.for([0, 1, 100, 100_000])('[GRC16] frames %d bytes in parts as one message', (length) => {
    const message = Buffer.alloc(length, 'abcdefg')
    const parts = [message.subarray(0, length / 3), message.subarray(length / 3)]
    const frame = Buffer.concat(frameMessage(0, parts))
    expect(frame.equals(framed(message))).toBe(true)
  })

  it('[GRC16] does not copy the parts of a long message', () => {
    const parts = [Buffer.alloc(50_000), Buffer.alloc(50_000)]
    expect(frameMessage(0, parts).slice(1)).toEqual(parts)
  })
})
