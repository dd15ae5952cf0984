import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Opcode, WebSocketError } from '../../src/bridge/web-socket-frames.ts'
import { WebSocketReader } from '../../src/bridge/web-socket-reader.ts'

const MESSAGE_BYTES_MAX = 70_000
const FINAL = 0x80

/** As a server sends it. */
function frame(first: number, payload: Uint8Array): Buffer {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : length <= 0xffff ? 4 : 10)
  head[0] = first
  head[1] = length < 126 ? length : length <= 0xffff ? 126 : 127
  if (head.length === 4) {
    head.writeUInt16BE(length, 2)
  } else if (head.length === 10) {
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([head, payload])
}

/** What a reader makes of bytes, which it is given in chunks of one memory. */
function read(bytes: Buffer, cuts: readonly number[]): string[] {
  const heard: string[] = []
  const reader = new WebSocketReader(
    {
      message: (payload, isBinary) =>
        heard.push(`${isBinary ? 'binary' : 'text'} ${told(payload)}`),
      control: (opcode, payload) => heard.push(`${opcode} ${told(payload)}`),
    },
    MESSAGE_BYTES_MAX,
  )
  const chunk = Buffer.alloc(bytes.length)
  const ends = [...new Set([...cuts.filter((cut) => cut < bytes.length), bytes.length])]
  let start = 0
  for (const end of ends.toSorted((a, b) => a - b)) {
    chunk.fill(0xee)
    reader.read(chunk, bytes.copy(chunk, 0, start, end))
    start = end
  }
  return heard
}

function told(payload: Uint8Array): string {
  const [first = '-'] = payload
  const isOne = payload.every((byte) => byte === first)
  return `${payload.length} × ${first}${isOne ? '' : ' and others'}`
}

const anyPayload = fc
  .tuple(
    fc.oneof(fc.nat(10), fc.constantFrom(125, 126, 127, 65_535, 65_536)),
    fc.integer({ min: 0, max: 255 }),
  )
  .map(([length, byte]) => Buffer.alloc(length, byte))
const anyControl = fc.record({
  opcode: fc.constantFrom(Opcode.CLOSE, Opcode.PING, Opcode.PONG),
  payload: fc.integer({ min: 0, max: 125 }).map((length) => Buffer.alloc(length, 7)),
})
const anyMessage = fc.record({
  opcode: fc.constantFrom(Opcode.TEXT, Opcode.BINARY),
  payload: anyPayload,
  /** Where fragments end. */
  fragments: fc.array(fc.nat(66_000), { maxLength: 3 }),
  /** Between two fragments. */
  control: fc.option(anyControl, { nil: undefined }),
})

it('[LNK23] messages are the same wherever their bytes are cut, and whether they come in fragments', () => {
  const cuts = fc.array(fc.nat(70_000), { maxLength: 40, size: 'max' })
  fc.assert(
    fc.property(fc.array(anyMessage, { maxLength: 4 }), cuts, fc.boolean(), (sent, some, all) => {
      const bytes: Buffer[] = []
      const expected: string[] = []
      for (const { opcode, payload, fragments, control } of sent) {
        const ends = [...fragments.filter((end) => end < payload.length), payload.length]
        let start = 0
        for (const [i, end] of ends.toSorted((a, b) => a - b).entries()) {
          const first = (i === 0 ? opcode : 0) | (i === ends.length - 1 ? FINAL : 0)
          bytes.push(frame(first, payload.subarray(start, end)))
          start = end
          if (control !== undefined && i === 0) {
            bytes.push(frame(FINAL | control.opcode, control.payload))
          }
        }
        const message = `${opcode === Opcode.TEXT ? 'text' : 'binary'} ${told(payload)}`
        const between = control && `${control.opcode} ${told(control.payload)}`
        expected.push(...(ends.length > 1 ? [between, message] : [message, between]).filter(isTold))
      }
      const whole = Buffer.concat(bytes)
      const everywhere = all && whole.length < 2000 ? Array.from(whole, (_, i) => i) : some
      expect(read(whole, everywhere)).toEqual(expected)
    }),
    { numRuns: 300 },
  )
})

function isTold(line: string | undefined): line is string {
  return line !== undefined
}

const text = Buffer.from('a')

it.each([
  ['a masked frame', Buffer.from([FINAL | Opcode.BINARY, 0x81, 1, 2, 3, 4, 5])],
  ['a frame of an extension that nobody asked for', frame(FINAL | 0x40 | Opcode.BINARY, text)],
  ['a frame of opcode 3', frame(FINAL | 3, text)],
  ['a frame of opcode 11', frame(FINAL | 11, text)],
  ['a control frame that is too long or in fragments', frame(Opcode.PING, text)],
  [
    'a control frame that is too long or in fragments',
    frame(FINAL | Opcode.CLOSE, Buffer.alloc(126)),
  ],
  ['a fragment out of order', frame(FINAL | Opcode.CONTINUATION, text)],
  [
    'a fragment out of order',
    Buffer.concat([frame(Opcode.BINARY, text), frame(FINAL | Opcode.BINARY, text)]),
  ],
  [
    'a frame of 70001 bytes, more than 70000',
    frame(FINAL | Opcode.BINARY, Buffer.alloc(MESSAGE_BYTES_MAX + 1)),
  ],
  [
    'a frame of 70000 bytes, more than 69999',
    Buffer.concat([frame(Opcode.TEXT, text), frame(FINAL, Buffer.alloc(MESSAGE_BYTES_MAX))]),
  ],
  [
    'a frame of 18446744073709552000 bytes, more than 70000',
    Buffer.concat([Buffer.from([FINAL | Opcode.BINARY, 127]), Buffer.alloc(8, 0xff)]),
  ],
])('[LNK24] what is no frame of a server is refused: %s', (message, bytes) => {
  expect(() => read(bytes, [])).toThrow(new WebSocketError(message))
  const everywhere = Array.from(bytes.subarray(0, 100), (_, i) => i)
  expect(() => read(bytes, everywhere)).toThrow(new WebSocketError(message))
})

it('[LNK24] a control frame is not part of the message that it comes in', () => {
  const bytes = Buffer.concat([
    frame(Opcode.BINARY, Buffer.alloc(MESSAGE_BYTES_MAX)),
    frame(FINAL | Opcode.PING, text),
    frame(FINAL | Opcode.CONTINUATION, Buffer.alloc(0)),
  ])
  expect(read(bytes, [])).toEqual([`${Opcode.PING} 1 × 97`, `binary ${MESSAGE_BYTES_MAX} × 0`])
})

it('[LNK24] a reader that is stopped delivers nothing more, not even of the same chunk', () => {
  const heard: number[] = []
  const reader = new WebSocketReader(
    {
      message: (payload) => {
        heard.push(payload.length)
        reader.stop()
      },
      control: () => heard.push(-1),
    },
    MESSAGE_BYTES_MAX,
  )
  const bytes = Buffer.concat([
    frame(FINAL | Opcode.BINARY, text),
    frame(FINAL | Opcode.PING, text),
    frame(FINAL | 3, text),
  ])
  reader.read(bytes, bytes.length)
  reader.read(bytes, bytes.length)
  expect(heard).toEqual([1])
})
