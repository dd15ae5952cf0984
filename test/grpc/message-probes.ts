// Calls whose messages are at the edge of gRPC with what grpc-go answers them, of etcd 3.7.
import { gzipSync } from 'node:zlib'
import {
  health,
  keepAlive,
  key,
  lease,
  noBytes,
  noMessage,
  noRequest,
  one,
  type Probe,
  type ProbeAnswer,
  range,
  rangeStream,
  watch,
} from './probes.ts'
import { framed } from './raw-call.ts'

const messageBytesMax = 2_097_152
const tooLong = Buffer.from('00ffffffff', 'hex')
const gzip = { 'grpc-encoding': 'gzip' }
const gzippedKey = gzipSync(key)
const badChecksum = Buffer.from(gzippedKey)
badChecksum[gzippedKey.length - 5] = 0xff ^ (gzippedKey.at(-5) ?? 0)

/** [GRC6] */
export const compressed: readonly Probe[] = [
  {
    title: 'a gzip request',
    path: range,
    headers: gzip,
    body: [framed(gzippedKey, 1)],
    answer: { ...one, encoding: 'gzip' },
  },
  {
    title: 'a request that is not compressed although others would be',
    path: range,
    headers: gzip,
    body: [framed(key)],
    answer: { ...one, encoding: 'gzip' },
  },
  {
    title: 'gzip requests of a stream',
    path: keepAlive,
    headers: gzip,
    body: [framed(gzipSync(lease), 1), framed(gzipSync(lease), 1)],
    answer: { ...one, encoding: 'gzip', messages: 2 },
  },
  {
    title: 'gzip requests of a server stream',
    path: rangeStream,
    headers: gzip,
    body: [framed(gzippedKey, 1)],
    answer: { ...one, encoding: 'gzip' },
  },
  {
    title: 'a refusal of a gzip request',
    path: range,
    headers: gzip,
    body: [framed(noBytes)],
    answer: { code: '3', message: 'etcdserver: key is not provided' },
  },
  {
    title: 'health of gzip',
    path: `${health}/Check`,
    headers: gzip,
    body: [framed(noBytes)],
    answer: { ...one, encoding: 'gzip' },
  },
  ...[
    { title: 'no gzip', body: Buffer.from('zzzz'), why: 'decompress the message: unexpected EOF' },
    {
      title: 'no gzip that is longer',
      body: Buffer.from('zzzzzzzzzzzz'),
      why: 'decompress the message: gzip: invalid header',
    },
    { title: 'gzip of no bytes', body: noBytes, why: 'decompress the message: EOF' },
    {
      title: 'gzip that is cut',
      body: gzipSync(Buffer.alloc(1000, 'abc')).subarray(0, 20),
      why: 'read decompressed data: unexpected EOF',
    },
    {
      title: 'gzip with another checksum',
      body: badChecksum,
      why: 'read decompressed data: gzip: invalid checksum',
    },
  ].map(({ title, body, why }) => ({
    title,
    path: range,
    headers: gzip,
    body: [framed(body, 1)],
    answer: { code: '13', message: `grpc: failed to ${why}` },
  })),
].map((probe) => ({ ...probe, newerEtcdOnly: true }))

/** [GRC7] */
export const encodings: readonly Probe[] = [
  ...[range, watch, keepAlive].map((path) => ({
    title: `deflate of ${path}`,
    path,
    headers: { 'grpc-encoding': 'deflate' },
    body: [framed(key, 1)],
    answer: {
      code: '12',
      message: 'grpc: Decompressor is not installed for grpc-encoding "deflate"',
    },
  })),
  {
    title: 'an encoding that has to be quoted',
    path: range,
    headers: { 'grpc-encoding': 'a"b%' },
    body: [framed(key)],
    answer: {
      code: '12',
      message: 'grpc: Decompressor is not installed for grpc-encoding "a\\"b%25"',
    },
  },
  {
    title: 'identity',
    path: range,
    headers: { 'grpc-encoding': 'identity' },
    body: [framed(key)],
    answer: one,
  },
  ...[{}, { 'grpc-encoding': 'identity' }].map((headers) => ({
    title: `a compressed message with ${JSON.stringify(headers)}`,
    path: range,
    headers,
    body: [framed(key, 1)],
    answer: {
      code: '13',
      message: 'grpc: compressed flag set with identity or empty encoding',
    },
  })),
]

const largerThanMax = (bytes: number): ProbeAnswer => ({
  code: '8',
  message: `grpc: received message larger than max (${bytes} vs. ${messageBytesMax})`,
})

/** [GRC8] */
export const sizes: readonly Probe[] = [
  {
    title: 'a byte too many',
    path: range,
    body: [framed(Buffer.alloc(messageBytesMax + 1))],
    answer: largerThanMax(messageBytesMax + 1),
  },
  ...[range, watch, keepAlive].map((path) => ({
    title: `the length alone of ${path}`,
    path,
    body: [tooLong],
    open: true,
    answer: largerThanMax(0xffff_ffff),
  })),
  ...[30_000_000, messageBytesMax + 1].map((bytes) => ({
    title: `${bytes} bytes after decompression`,
    path: range,
    headers: gzip,
    newerEtcdOnly: true,
    body: [framed(gzipSync(Buffer.alloc(bytes)), 1)],
    answer: {
      code: '8',
      message: `grpc: received message after decompression larger than max ${messageBytesMax}`,
    },
  })),
]

const badFlag: ProbeAnswer = {
  code: '13',
  message: 'grpc: received unexpected payload format 2',
}
const cardinality = (what: string): ProbeAnswer => ({
  code: '13',
  message: `cardinality violation: received ${what} for non-client-streaming RPC`,
})

/** [GRC9] */
export const malformed: readonly Probe[] = [
  { title: 'no message', path: range, answer: { code: '2', message: 'EOF' } },
  {
    title: 'half a prefix',
    path: range,
    body: [Buffer.alloc(2)],
    newerEtcdOnly: true,
    answer: { code: '2', message: 'EOF' },
  },
  {
    title: 'half a message',
    path: range,
    body: [framed(key).subarray(0, 6)],
    answer: { code: '2', message: 'unexpected EOF' },
  },
  { title: 'two messages', path: range, body: [framed(key), framed(key)], answer: one },
  {
    title: 'more behind the message',
    path: range,
    body: [framed(key), Buffer.from('0909', 'hex')],
    answer: one,
  },
  {
    title: 'a message, and no end of it',
    path: range,
    body: [framed(key)],
    open: true,
    answer: one,
  },
  ...[range, watch, keepAlive].map((path) => ({
    title: `flag 2 of ${path}`,
    path,
    body: [framed(key, 2)],
    answer: badFlag,
  })),
  {
    title: 'no request of a stream',
    path: keepAlive,
    answer: { code: '0', message: '', messages: 0 },
  },
  {
    title: 'half a prefix in a stream',
    path: keepAlive,
    body: [framed(lease), Buffer.alloc(2)],
    newerEtcdOnly: true,
    answer: one,
  },
  {
    title: 'half a message in a stream',
    path: keepAlive,
    body: [framed(lease), Buffer.from('0000000009', 'hex')],
    answer: { code: '13', message: 'unexpected EOF', messages: 1 },
  },
  {
    title: 'no request of a server stream',
    path: rangeStream,
    answer: noRequest,
    newerEtcdOnly: true,
  },
  {
    title: 'two requests of a server stream',
    path: rangeStream,
    body: [framed(key), framed(key)],
    newerEtcdOnly: true,
    answer: cardinality('multiple request messages'),
  },
  {
    title: 'no protobuf',
    path: range,
    body: [framed(noMessage)],
    newerEtcdOnly: true,
    answer: {
      code: '13',
      message: 'grpc: error unmarshalling request: proto: cannot parse invalid wire-format data',
    },
  },
  ...[watch, keepAlive, rangeStream].map((path) => ({
    title: `no protobuf of ${path}`,
    path,
    body: [framed(noMessage)],
    newerEtcdOnly: true,
    answer: {
      code: '13',
      message:
        'grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data',
    },
  })),
]
