import { encode } from '../../src/protocol/binary.ts'
import {
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { call } from '../oracle/grpc.ts'
import { alternate, type BenchCase, withRunning } from './bench-case.ts'
import type { Running } from './contestants.ts'
import { grpcFrame } from './grpc-connection.ts'
import { findGenerator } from './h2load.ts'

const VALUE_BYTES = 256
const SHAPES = [
  { connections: 1, streams: 1, called: 'one client' },
  { connections: 128, streams: 4, called: '128 × 4' },
] as const

const key = Buffer.from('bench/grpc')
const put = create(PutRequest, { key, value: Buffer.alloc(VALUE_BYTES, 'v') })
const range = create(RangeRequest, { key })
const putMethod = '/etcdserverpb.KV/Put'
const rangeMethod = '/etcdserverpb.KV/Range'

export const grpcPut: BenchCase = {
  name: 'grpc-put',
  about: `gRPC put of ${VALUE_BYTES} B to one key: one client, and 128 connections × 4 streams`,
  run: (options) =>
    grpcCase('gRPC put', { method: putMethod, message: encode(PutRequest, put) }, options),
}

export const grpcRange: BenchCase = {
  name: 'grpc-range',
  about: `gRPC range of one key of ${VALUE_BYTES} B: one client, and 128 connections × 4 streams`,
  run: (options) =>
    grpcCase('gRPC range', { method: rangeMethod, message: encode(RangeRequest, range) }, options),
}

async function grpcCase(
  name: string,
  asked: { readonly method: string; readonly message: Uint8Array },
  { contestants, seconds, rounds }: Parameters<BenchCase['run']>[0],
): ReturnType<BenchCase['run']> {
  const generate = await findGenerator()
  return withRunning(contestants, async (running) => {
    for (const { url } of running) {
      await call(url, putMethod, { request: PutRequest, response: PutResponse }, put)
    }
    const rows = []
    for (const { connections, streams, called } of SHAPES) {
      const measured = await alternate(running, rounds, async (server) => {
        const before = await revision(server)
        const frame = grpcFrame(asked.message)
        const load = { url: server.url, method: asked.method, frame, connections, streams, seconds }
        const { perSecond, p50Ms, p99Ms } = await generate({ kind: 'grpc', ...load })
        const written = (await revision(server)) - before
        // A put that failed would have left the revision, and nothing but a put moves it.
        if (asked.method === putMethod ? written < perSecond * seconds * 0.99 : written > 0) {
          throw new Error(`${written} revisions for ${perSecond} calls per s`)
        }
        return {
          [`${name}, ${called}, per s`]: perSecond,
          [`${name}, ${called}, p50 ms`]: p50Ms,
          [`${name}, ${called}, p99 ms`]: p99Ms,
        }
      })
      rows.push(...measured)
    }
    return rows
  })
}

/** Throws unless the key has its value: a range that fails would be fast. */
async function revision({ url }: Running): Promise<number> {
  const types = { request: RangeRequest, response: RangeResponse }
  const { kvs = [], header } = (await call(url, rangeMethod, types, range)) ?? {}
  if (kvs[0]?.value.length !== VALUE_BYTES || header === undefined) {
    throw new Error('the key is gone')
  }
  return header.revision
}
