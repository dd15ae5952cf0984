// Frames at the edge of HTTP/2 and beyond, with what becomes of them.
import { key, range, watch } from '../grpc/probes.ts'
import { framed } from '../grpc/raw-call.ts'
import { callHeaderFields, callHeaders, Flag, frame, FrameType, headerBlock } from './raw-frames.ts'

/** `reset 1` has the code of RST_STREAM, `end 1` that of GOAWAY, which etcd often leaves out. */
export type Outcome = 'answered' | 'silence' | `reset ${number}` | `end ${number}`

export interface Violation {
  readonly title: string
  readonly frames: readonly Buffer[]
  readonly outcome: Outcome
  /** Where grpc-go takes it otherwise than RFC 9113. */
  readonly etcd?: Outcome
}

const { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY } = FrameType
const { WINDOW_UPDATE, CONTINUATION } = FrameType
const { END_STREAM, END_HEADERS, PADDED, ACK } = Flag
const HAS_PRIORITY = 32

const body = framed(key)
const fields = Object.entries(callHeaderFields(range))
const block = blockOf(fields)

type Fields = readonly (readonly [name: string, value: string])[]

/** Names may come more than once. */
function blockOf(list: Fields): Buffer {
  return Buffer.concat(list.map(([name, value]) => headerBlock({ [name]: value })))
}

const data = (stream = 1): Buffer => frame(DATA, { stream, payload: body, flags: END_STREAM })
const call = (stream = 1): Buffer[] => [callHeaders(stream, range), data(stream)]
const open = callHeaders(1, range)
const openWatch = callHeaders(1, watch)
const settings = (hex: string): Buffer => frame(SETTINGS, { payload: Buffer.from(hex, 'hex') })
const update = (hex: string, stream = 0): Buffer =>
  frame(WINDOW_UPDATE, { stream, payload: Buffer.from(hex, 'hex') })
const headers = (payload: Buffer, flags: number = END_HEADERS, stream = 1): Buffer =>
  frame(HEADERS, { stream, flags, payload })

/** [HTF1] */
export const accepted: readonly Violation[] = [
  {
    title: 'padding',
    frames: [
      headers(Buffer.concat([Buffer.from([2]), block, Buffer.alloc(2)]), END_HEADERS | PADDED),
      frame(DATA, {
        stream: 1,
        flags: PADDED | END_STREAM,
        payload: Buffer.concat([Buffer.from([3]), body, Buffer.alloc(3)]),
      }),
    ],
  },
  {
    title: 'HEADERS with a priority',
    frames: [
      headers(Buffer.concat([Buffer.from([0, 0, 0, 1, 7]), block]), END_HEADERS | HAS_PRIORITY),
      data(),
    ],
  },
  {
    title: 'PRIORITY of a stream that is not there',
    frames: [frame(PRIORITY, { stream: 1, payload: Buffer.alloc(5) }), ...call()],
  },
  {
    title: 'CONTINUATION, an empty one too',
    frames: [
      headers(block.subarray(0, 5), 0),
      frame(CONTINUATION, { stream: 1 }),
      frame(CONTINUATION, { stream: 1, payload: block.subarray(5, 9) }),
      frame(CONTINUATION, { stream: 1, payload: block.subarray(9), flags: END_HEADERS }),
      data(),
    ],
  },
  {
    title: 'an empty DATA frame',
    frames: [open, frame(DATA, { stream: 1 }), data()],
  },
  {
    title: 'PRIORITY that depends on itself',
    frames: [frame(PRIORITY, { stream: 1, payload: Buffer.from([0, 0, 0, 1, 7]) }), ...call()],
  },
  {
    title: 'RST_STREAM of an unknown code, and DATA behind it',
    frames: [
      openWatch,
      frame(RST_STREAM, { stream: 1, payload: Buffer.alloc(4, 0xff) }),
      data(),
      ...call(3),
    ],
  },
  {
    title: 'WINDOW_UPDATE and RST_STREAM of a stream that has ended',
    frames: [
      ...call(),
      update('00000001', 1),
      frame(RST_STREAM, { stream: 1, payload: Buffer.alloc(4) }),
      ...call(3),
    ],
  },
  { title: 'flags that nobody knows', frames: [frame(77, { flags: 255 }), ...call()] },
  { title: 'an unknown frame', frames: [frame(77, { payload: Buffer.alloc(8) }), ...call()] },
  { title: 'an unknown setting', frames: [settings('00ff00000001'), ...call()] },
  { title: 'GOAWAY', frames: [frame(GOAWAY, { payload: Buffer.alloc(8) }), ...call()] },
  {
    title: 'GOAWAY of an unknown code',
    frames: [frame(GOAWAY, { payload: Buffer.alloc(8, 0xff) }), ...call()],
  },
  { title: 'streams left out', frames: call(101) },
  { title: 'no authority', frames: [headers(blockOf(without(':authority'))), data()] },
  { title: 'a host', frames: [headers(blockOf([...fields, ['host', 'other']])), data()] },
  {
    title: 'te that is not trailers',
    frames: [headers(blockOf([...without('te'), ['te', 'gzip']])), data()],
  },
  { title: 'spaces', frames: [headers(blockOf([...fields, ['foo', ' a ']])), data()] },
  {
    title: 'trailers of the client',
    frames: [
      open,
      frame(DATA, { stream: 1, payload: body }),
      headers(headerBlock({ a: 'b' }), END_HEADERS | END_STREAM),
    ],
    etcd: 'end 1' as const,
  },
].map((each) => ({ ...each, outcome: 'answered' }))

function without(name: string): Fields {
  return fields.filter((field) => field[0] !== name)
}

function malformed(title: string, list: Fields, etcd?: Outcome): Violation {
  const frames = [headers(blockOf(list)), data()]
  return { title, frames, outcome: 'reset 1', ...(etcd !== undefined && { etcd }) }
}

/** [HTF2] */
export const ofStreams: readonly Violation[] = [
  malformed('a name in upper case', [...fields, ['Foo', 'x']]),
  malformed('an empty name', [...fields, ['', 'x']]),
  malformed('a space in a name', [...fields, ['a b', 'x']]),
  malformed('a line feed in a value', [...fields, ['foo', 'a\nb']]),
  malformed('a NUL in a value', [...fields, ['foo', 'a\0b']]),
  malformed('connection', [...fields, ['connection', 'close']]),
  malformed('transfer-encoding', [...fields, ['transfer-encoding', 'chunked']], 'answered'),
  malformed('a pseudo-header behind others', [['a', 'b'], ...fields]),
  malformed('an unknown pseudo-header', [[':foo', 'b'], ...fields]),
  malformed('a pseudo-header of responses', [[':status', '200'], ...fields]),
  malformed('two paths', [[':path', range], ...fields]),
  malformed('two methods', [[':method', 'POST'], ...fields]),
  malformed('two schemes', [[':scheme', 'http'], ...fields]),
  malformed('no scheme', without(':scheme'), 'answered'),
  malformed('no path', without(':path'), 'answered'),
  malformed('no method', without(':method'), 'answered'),
  {
    title: 'DATA behind the end of a request',
    frames: [openWatch, data(), data()],
    outcome: 'reset 5',
  },
  {
    title: 'HEADERS behind the end of a request',
    frames: [openWatch, data(), headers(headerBlock({ a: 'b' }), END_HEADERS | END_STREAM)],
    outcome: 'reset 5',
    etcd: 'end 1',
  },
  {
    title: 'trailers with a pseudo-header',
    frames: [openWatch, headers(headerBlock({ ':method': 'POST' }), END_HEADERS | END_STREAM)],
    outcome: 'reset 1',
    etcd: 'end 1',
  },
  {
    title: 'WINDOW_UPDATE of nothing',
    frames: [openWatch, update('00000000', 1)],
    outcome: 'reset 1',
  },
  {
    title: 'a window beyond 2^31 - 1',
    frames: [openWatch, update('7fffffff', 1)],
    outcome: 'reset 3',
    etcd: 'silence',
  },
]

const ends = (code: number, title: string, ...frames: Buffer[]): Violation => ({
  title,
  frames,
  outcome: `end ${code}`,
})
/** What grpc-go passes over. */
const passedOver = (violation: Violation): Violation => ({ ...violation, etcd: 'silence' })
const PROTOCOL = 1
const FLOW = 3
const SIZE = 6
const COMPRESSION = 9

/** [HTF3] */
export const ofConnections: readonly Violation[] = [
  ends(
    SIZE,
    'a frame of more than 16 KiB',
    frame(DATA, { stream: 1, payload: Buffer.alloc(16_385) }),
  ),
  ends(SIZE, 'HEADERS of more than 16 KiB', headers(Buffer.alloc(16_385))),
  ends(PROTOCOL, 'DATA on stream 0', frame(DATA, { payload: body })),
  passedOver(ends(PROTOCOL, 'DATA on a stream not begun', data())),
  ends(
    PROTOCOL,
    'more padding than there is',
    open,
    frame(DATA, { stream: 1, flags: PADDED, payload: Buffer.from([3, 1, 2]) }),
  ),
  {
    ...ends(
      PROTOCOL,
      'HEADERS with more padding than there is',
      headers(Buffer.from([3, 1, 2]), END_HEADERS | PADDED),
    ),
    etcd: 'reset 1',
  },

  ends(SIZE, 'padding without its length', open, frame(DATA, { stream: 1, flags: PADDED })),
  ends(PROTOCOL, 'HEADERS on stream 0', headers(block, END_HEADERS, 0)),
  ends(PROTOCOL, 'HEADERS on an even stream', headers(block, END_HEADERS, 2)),
  ends(PROTOCOL, 'HEADERS on a stream passed over', callHeaders(3, watch), open),
  ends(
    PROTOCOL,
    'a whole request on a stream passed over',
    callHeaders(3, watch),
    headers(block, END_HEADERS | END_STREAM),
  ),
  ends(PROTOCOL, 'HEADERS on a stream that is open', openWatch, open),
  ends(
    SIZE,
    'HEADERS without their priority',
    headers(Buffer.alloc(2), END_HEADERS | HAS_PRIORITY),
  ),
  ends(SIZE, 'PRIORITY that is short', frame(PRIORITY, { stream: 1, payload: Buffer.alloc(4) })),
  ends(PROTOCOL, 'PRIORITY on stream 0', frame(PRIORITY, { payload: Buffer.alloc(5) })),
  ends(PROTOCOL, 'RST_STREAM on stream 0', frame(RST_STREAM, { payload: Buffer.alloc(4) })),
  passedOver(
    ends(
      PROTOCOL,
      'RST_STREAM on a stream not begun',
      frame(RST_STREAM, { stream: 1, payload: Buffer.alloc(4) }),
    ),
  ),
  ends(
    SIZE,
    'RST_STREAM that is short',
    open,
    frame(RST_STREAM, { stream: 1, payload: Buffer.alloc(3) }),
  ),
  ends(PROTOCOL, 'SETTINGS on a stream', frame(SETTINGS, { stream: 1 })),
  ends(SIZE, 'SETTINGS of a broken length', frame(SETTINGS, { payload: Buffer.alloc(5) })),
  ends(
    SIZE,
    'SETTINGS acknowledged with a payload',
    frame(SETTINGS, { flags: ACK, payload: Buffer.alloc(6) }),
  ),
  ends(FLOW, 'SETTINGS of a window beyond 2^31 - 1', settings('000480000000')),
  passedOver(ends(PROTOCOL, 'SETTINGS of pushes that is no boolean', settings('000200000002'))),
  passedOver(ends(PROTOCOL, 'SETTINGS of frames beyond 2^24 - 1', settings('000501000000'))),
  passedOver(ends(PROTOCOL, 'SETTINGS of frames below 16 KiB', settings('000500000001'))),
  passedOver(
    ends(
      PROTOCOL,
      'PUSH_PROMISE',
      open,
      frame(PUSH_PROMISE, { stream: 1, flags: END_HEADERS, payload: Buffer.alloc(6) }),
    ),
  ),
  ends(PROTOCOL, 'GOAWAY on a stream', frame(GOAWAY, { stream: 1, payload: Buffer.alloc(8) })),
  ends(SIZE, 'GOAWAY that is short', frame(GOAWAY, { payload: Buffer.alloc(7) })),
  ends(PROTOCOL, 'PING on a stream', frame(PING, { stream: 1, payload: Buffer.alloc(8) })),
  ends(SIZE, 'PING that is short', frame(PING, { payload: Buffer.alloc(7) })),
  ends(PROTOCOL, 'WINDOW_UPDATE of nothing', update('00000000')),
  passedOver(ends(FLOW, 'a window beyond 2^31 - 1', update('7fffffff'))),
  passedOver(ends(PROTOCOL, 'WINDOW_UPDATE on a stream not begun', update('00000001', 1))),
  ends(SIZE, 'WINDOW_UPDATE that is short', update('000000')),
  ends(PROTOCOL, 'CONTINUATION of nothing', frame(CONTINUATION, { stream: 1 })),
  ends(
    PROTOCOL,
    'CONTINUATION on stream 0',
    headers(block, 0),
    frame(CONTINUATION, { flags: END_HEADERS }),
  ),
  ends(
    PROTOCOL,
    'CONTINUATION behind the end of a header block',
    openWatch,
    frame(CONTINUATION, { stream: 1, flags: END_HEADERS, payload: block }),
  ),
  ends(
    PROTOCOL,
    'CONTINUATION on another stream',
    headers(block, 0),
    frame(CONTINUATION, { stream: 3, flags: END_HEADERS }),
  ),
  ends(
    PROTOCOL,
    'a header block that is interrupted',
    headers(block, 0),
    frame(PING, { payload: Buffer.alloc(8) }),
  ),
  ends(
    PROTOCOL,
    'a header block that an unknown frame interrupts',
    headers(block, 0),
    frame(77, { payload: Buffer.alloc(8) }),
  ),
  ends(
    PROTOCOL,
    'a header block that another interrupts',
    headers(block, 0),
    callHeaders(3, range),
  ),
  ends(COMPRESSION, 'an index of HPACK that is not there', headers(Buffer.from('be', 'hex'))),
  ends(COMPRESSION, 'a table of HPACK that is too large', headers(Buffer.from('3fffff01', 'hex'))),
  ends(COMPRESSION, 'a string of HPACK that is cut', headers(block.subarray(0, 20))),
]
