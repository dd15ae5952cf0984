import { expect, it } from 'vitest'
import { HpackDecoder } from '../../src/h2/hpack-decoder.ts'
import {
  callHeaderFields,
  Flag,
  frame,
  FrameType,
  headerBlock,
  opening,
  RawConnection,
} from '../h2/raw-frames.ts'
import { etcdMissing } from '../oracle/etcd.ts'
import { servedBesideEtcd } from './beside-etcd.ts'
import { range } from './probes.ts'
import { until } from './served.ts'

const pair = servedBesideEtcd()

const { ':authority': _, ...unnamed } = callHeaderFields(range)
const hosts = Buffer.concat([headerBlock({ host: 'a' }), headerBlock({ host: 'a' })])
const text = (authorities: number): string =>
  `num values of :authority: ${authorities}, num values of host: 2, both must only have 1 value as per HTTP/2 spec`

/** A call with two hosts, and what grpc-go says to it. */
const calls = [
  { block: [headerBlock(unnamed), hosts], type: 'application/grpc', message: text(0) },
  {
    block: [headerBlock(callHeaderFields(range)), hosts],
    type: 'application/grpc',
    message: text(1),
  },
  {
    block: [headerBlock({ ...unnamed, 'content-type': 'application/grpc+proto' }), hosts],
    type: 'application/grpc+proto',
    message: text(0),
  },
  {
    block: [headerBlock({ ...unnamed, 'content-type': 'text/plain' }), hosts],
    type: 'application/grpc',
    message: text(0),
  },
]

async function ask(
  port: number,
  block: readonly Buffer[],
): Promise<Readonly<Record<string, string>>> {
  const connection = new RawConnection(port)
  const flags = Flag.END_HEADERS | Flag.END_STREAM
  await connection.send(
    opening,
    frame(FrameType.HEADERS, { flags, stream: 1, payload: Buffer.concat(block) }),
  )
  await until(() => connection.ofType(FrameType.HEADERS).length > 0)
  connection.socket.destroy()
  const payload = connection.ofType(FrameType.HEADERS)[0]?.payload ?? Buffer.alloc(0)
  const { fields } = new HpackDecoder().decode(payload)
  return Object.fromEntries(fields.map(({ name, value }) => [name, value]))
}

it.each(calls)('[GRC27] refuses two hosts: $message, $type', async ({ block, type, message }) => {
  const refusal = {
    ':status': '400',
    'content-type': type,
    'grpc-status': '13',
    'grpc-message': message,
  }
  expect(await ask(pair().served.port, block)).toEqual(refusal)
})

it('[GRC27] so does a real etcd', async ({ skip }) => {
  const { etcd } = pair()
  if (etcd === undefined) {
    return skip(etcdMissing)
  }
  skip(Number.parseFloat(etcd.version) < 3.5, 'an etcd before 3.5 says it otherwise')
  const port = Number(new URL(etcd.url).port)
  for (const { block, type, message } of calls) {
    expect(await ask(port, block)).toMatchObject({ 'content-type': type, 'grpc-message': message })
  }
})
