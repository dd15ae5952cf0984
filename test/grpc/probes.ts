// Calls at the edge of gRPC with what grpc-go answers them, of etcd 3.7.
import { framed, type RawCall } from './raw-call.ts'

export interface Probe extends RawCall {
  readonly title: string
  readonly answer: ProbeAnswer
  /** Older ones answer otherwise. */
  readonly newerEtcdOnly?: boolean
}

/** Of the answer what does not depend on the keyspace. */
export interface ProbeAnswer {
  readonly http?: number
  readonly type?: string
  readonly encoding?: string
  readonly code?: string
  readonly message?: string
  readonly messages?: number
}

export const range = '/etcdserverpb.KV/Range'
export const rangeStream = '/etcdserverpb.KV/RangeStream'
export const keepAlive = '/etcdserverpb.Lease/LeaseKeepAlive'
export const watch = '/etcdserverpb.Watch/Watch'
export const health = '/grpc.health.v1.Health'

/** A RangeRequest of the key "x". */
export const key = Buffer.from('0a0178', 'hex')
export const lease = Buffer.from('0805', 'hex')
export const noBytes = Buffer.alloc(0)
export const noMessage = Buffer.from('ff', 'hex')

export const one: ProbeAnswer = { code: '0', message: '', messages: 1 }

/** [GRC2] */
export const paths: readonly Probe[] = [
  {
    title: 'a method that a service does not have',
    path: '/etcdserverpb.KV/Nope',
    body: [framed(key)],
    answer: { code: '12', message: 'unknown method Nope for service etcdserverpb.KV' },
  },
  {
    title: 'a method with a query',
    path: `${range}?x=1`,
    body: [framed(key)],
    answer: { code: '12', message: 'unknown method Range?x=1 for service etcdserverpb.KV' },
  },
  {
    title: 'a method without a name',
    path: '/etcdserverpb.KV/',
    answer: { code: '12', message: 'unknown method  for service etcdserverpb.KV' },
  },
  {
    title: 'a service that is not there, before the client has ended',
    path: '/foo.Bar/Baz',
    open: true,
    answer: { code: '12', message: 'unknown service foo.Bar' },
  },
  {
    title: 'a path of three parts',
    path: '/a/b/c',
    answer: { code: '12', message: 'unknown service a/b' },
  },
  {
    title: 'a path with a percent sign and a byte that is no UTF-8',
    path: '/foo%20.B\u00e4r/Baz',
    answer: { code: '12', message: 'unknown service foo%2520.B%EF%BF%BDr' },
  },
  {
    title: 'a path of one part',
    path: '/f"o\\o',
    newerEtcdOnly: true,
    answer: { code: '12', message: 'malformed method name: "/f\\"o\\\\o"' },
  },
  {
    title: 'reflection',
    path: '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    answer: { code: '12', message: 'unknown service grpc.reflection.v1.ServerReflection' },
  },
]

function typed(type: string | undefined): Pick<Probe, 'path' | 'body' | 'headers'> {
  return { path: range, body: [framed(key)], headers: { 'content-type': type } }
}

function noGrpc(type: string): ProbeAnswer {
  const message = `invalid gRPC request content-type "${type}"`
  return { http: 415, code: '3', message }
}

function timed(timeout: string): Pick<Probe, 'path' | 'body' | 'headers' | 'newerEtcdOnly'> {
  const headers = { 'grpc-timeout': timeout }
  return { path: range, body: [framed(key)], headers, newerEtcdOnly: true }
}

function withBinary(value: string): Pick<Probe, 'path' | 'body' | 'headers' | 'newerEtcdOnly'> {
  return { path: range, body: [framed(key)], headers: { 'x-bin': value }, newerEtcdOnly: true }
}

function badTimeout(why: string): ProbeAnswer {
  return { http: 400, code: '13', message: `malformed grpc-timeout: ${why}` }
}

/** [GRC4] */
export const requests: readonly Probe[] = [
  { title: 'no content type', newerEtcdOnly: true, ...typed(undefined), answer: noGrpc('') },
  ...['application/json', 'application/grpcx', 'application/grpc-web', 'Application/GRPC'].map(
    (type) => ({ title: type, newerEtcdOnly: true, ...typed(type), answer: noGrpc(type) }),
  ),
  {
    title: 'no content type of a GET',
    ...typed(undefined),
    method: 'GET',
    newerEtcdOnly: true,
    answer: noGrpc(''),
  },
  ...['GET', 'PUT'].map((method) => ({
    title: method,
    path: range,
    method,
    newerEtcdOnly: true,
    answer: {
      http: 405,
      code: '13',
      message: `Received a HEADERS frame with :method "${method}" which should be POST`,
    },
  })),
  {
    title: 'a timeout without a unit',
    ...timed('123'),
    answer: badTimeout('transport: timeout unit is not recognized: "123"'),
  },
  {
    title: 'a timeout without a number',
    ...timed('xxS'),
    answer: badTimeout('strconv.ParseUint: parsing "xx": invalid syntax'),
  },
  {
    title: 'a negative timeout',
    ...timed('-1S'),
    answer: badTimeout('strconv.ParseUint: parsing "-1": invalid syntax'),
  },
  {
    title: 'a timeout of a unit alone',
    ...timed('S'),
    answer: badTimeout('transport: timeout string is too short: "S"'),
  },
  {
    title: 'a timeout of ten digits',
    ...timed('1234567890S'),
    answer: badTimeout('transport: timeout string is too long: "1234567890S"'),
  },
  {
    title: 'a bad timeout of a GET',
    ...timed('x'),
    method: 'GET',
    answer: badTimeout('transport: timeout string is too short: "x"'),
  },
  ...(
    [
      ['***', 0],
      ['YQ=', 2],
      ['Y', 0],
      ['YWFhY', 4],
      ['Y Q==', 1],
      ['_w', 0],
      ['YQ==,YQ', 2],
      ['YQ==YQ==', 4],
      ['Y===', 1],
      ['YQ=Y', 2],
    ] as const
  ).map(([value, place]) => ({
    title: `the binary metadata ${value}`,
    ...withBinary(value),
    path: '/not/there',
    answer: {
      http: 400,
      code: '13',
      message: `malformed binary metadata "${value}" in header "x-bin": illegal base64 data at input byte ${place}`,
    },
  })),
  ...['', 'YQ', 'YQ==', 'YR', '/+8'].map((value) => ({
    title: `the binary metadata "${value}"`,
    ...withBinary(value),
    answer: one,
  })),
  { title: 'a timeout of eleven thousand years', ...timed('99999999H'), answer: one },
  {
    title: 'no te: trailers',
    path: range,
    body: [framed(key)],
    headers: { te: undefined },
    answer: one,
  },
]

/** [GRC5] */
export const contentTypes: readonly Probe[] = [
  ['application/grpc', 'application/grpc'],
  ['application/grpc+proto', 'application/grpc+proto'],
  ['application/grpc+json', 'application/grpc+json'],
  ['application/grpc;charset=utf-8', 'application/grpc+charset=utf-8'],
  ['application/grpc+', 'application/grpc'],
].map(([given, type = '']) => ({
  title: `${given}`,
  ...typed(given),
  answer: { ...one, type },
}))

export const noRequest: ProbeAnswer = {
  code: '13',
  message: 'cardinality violation: received no request message from non-client-streaming RPC',
}

/** [GRC18] */
export const healthProbes: readonly Probe[] = [
  { title: 'Check of the server', path: `${health}/Check`, body: [framed(noBytes)], answer: one },
  {
    title: 'Check of an unknown service',
    path: `${health}/Check`,
    body: [framed(key)],
    answer: { code: '5', message: 'unknown service' },
  },
  {
    title: 'Check of what is no protobuf',
    path: `${health}/Check`,
    body: [framed(noMessage)],
    newerEtcdOnly: true,
    answer: {
      code: '13',
      message: 'grpc: error unmarshalling request: proto: cannot parse invalid wire-format data',
    },
  },
  {
    title: 'Check of a name that is no UTF-8',
    path: `${health}/Check`,
    body: [framed(Buffer.from('0a01ff', 'hex'))],
    newerEtcdOnly: true,
    answer: {
      code: '13',
      message: 'grpc: error unmarshalling request: string field contains invalid UTF-8',
    },
  },
  {
    title: 'List',
    path: `${health}/List`,
    body: [framed(noBytes)],
    newerEtcdOnly: true,
    answer: one,
  },
  {
    title: 'Watch of nothing',
    path: `${health}/Watch`,
    newerEtcdOnly: true,
    answer: noRequest,
  },
]

/** [GRC19] */
export const metadata: readonly Probe[] = [
  ...[range, watch, keepAlive, `${health}/Check`].map((path) => ({
    title: `a client-api-version that is no UTF-8 of ${path}`,
    path,
    headers: { 'client-api-version': '3.5\u00ff' },
    body: [framed(lease)],
    newerEtcdOnly: true,
    answer: { code: '3', message: 'etcdserver: invalid client api version' },
  })),
  {
    title: 'a client-api-version in UTF-8',
    path: range,
    headers: { 'client-api-version': Buffer.from('ä').toString('latin1') },
    body: [framed(key)],
    newerEtcdOnly: true,
    answer: one,
  },
  {
    title: 'tokens, which no one asked for, and hasleader',
    path: range,
    headers: { token: 'a', authorization: 'b', hasleader: 'true' },
    body: [framed(key)],
    newerEtcdOnly: true,
    answer: one,
  },
]
