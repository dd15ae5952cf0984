import { encode } from '../../src/protocol/binary.ts'
import { PutRequest, RangeRequest } from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'
import { alternate, type BenchCase, type Figures, type Row, withRunning } from './bench-case.ts'
import { withCertificates } from './certificates.ts'
import type { Running } from './contestant.ts'
import { grpcCall, grpcRange } from './grpc-call.ts'
import { grpcFrame } from './grpc-connection.ts'
import type { GrpcLoad } from './grpc-load.ts'
import type { Address } from './h2-connection.ts'
import { findGenerator } from './h2load.ts'
import { createTxn, txnMethod } from './kubernetes-txns.ts'
import { runLoad } from './load.ts'
import { unaryFigures } from './measured-window.ts'

const KEY = 'bench/grpc'
const VALUE = Buffer.alloc(256, 'v')
const OBJECT_BYTES = 1000

/** Connections, and calls under way on each. */
type Shape = readonly [connections: number, streams: number]

const writeShapes: readonly Shape[] = [
  [1, 1],
  [4, 1],
  [8, 1],
  [32, 4],
  [128, 4],
]
const readShapes: readonly Shape[] = [
  [1, 1],
  [4, 1],
  [128, 4],
]

/** Measures one server once. */
type Measure = (load: GrpcLoad, round: string) => Promise<Figures>

interface GrpcCase {
  readonly name: string
  readonly about: string
  readonly shapes: readonly Shape[]
  readonly forKubernetes?: true
  /** Called once for each name that figures are to have. */
  readonly measure: (called: string) => Promise<Measure>
}

const put = grpcCases({
  name: 'grpc-put',
  about: `gRPC put of ${VALUE.length} B to one key`,
  shapes: writeShapes,
  measure: (called) => {
    const message = create(PutRequest, { key: Buffer.from(KEY), value: VALUE })
    return oneRequest(called, '/etcdserverpb.KV/Put', encode(PutRequest, message))
  },
})

const range = grpcCases({
  name: 'grpc-range',
  about: `gRPC range of one key of ${VALUE.length} B`,
  shapes: readShapes,
  forKubernetes: true,
  measure: (called) => {
    const message = create(RangeRequest, { key: Buffer.from(KEY) })
    return oneRequest(called, '/etcdserverpb.KV/Range', encode(RangeRequest, message))
  },
})

const txn = grpcCases({
  name: 'grpc-txn',
  about: `Kubernetes' txns over gRPC: keys of ${OBJECT_BYTES} B created and updated once`,
  shapes: writeShapes,
  forKubernetes: true,
  measure: (called) =>
    Promise.resolve(async (load, round) => {
      const prefix = `/registry/bench/${round}/`
      const task = { kind: 'grpc-txn', prefix, valueBytes: OBJECT_BYTES, ...load } as const
      return unaryFigures(called, await runLoad(task))
    }),
})

export const grpcCasesInPlaintext = [put.plain, range.plain, txn.plain]
export const grpcCasesOverTls = [put.tls, range.tls, txn.tls]

/** The case in plaintext and over TLS with client certificates. */
function grpcCases(of: GrpcCase): { readonly plain: BenchCase; readonly tls: BenchCase } {
  const shapes = `${of.shapes.map(shown).join(', ')} connections × streams`
  const common = of.forKubernetes === undefined ? {} : { forKubernetes: of.forKubernetes }
  return {
    plain: {
      ...common,
      name: of.name,
      about: `${of.about}: ${shapes}`,
      run: (options) =>
        withRunning(options.contestants, (running) => eachShape(of, of.name, running, options)),
    },
    tls: {
      ...common,
      name: `${of.name}-tls`,
      about: `${of.about}, over TLS with client certificates: ${shapes}`,
      run: (options) =>
        withCertificates((certificates) =>
          withRunning(
            options.contestants,
            (running) => eachShape(of, `${of.name} over TLS`, running, options),
            { certificates },
          ),
        ),
    },
  }
}

async function eachShape(
  of: GrpcCase,
  called: string,
  running: readonly Running[],
  { seconds, rounds }: Parameters<BenchCase['run']>[0],
): Promise<readonly Row[]> {
  for (const { address } of running) {
    await grpcCall(address, txnMethod, createTxn(KEY, VALUE))
  }
  const rows: Row[] = []
  for (const shape of of.shapes) {
    const [connections, streams] = shape
    const measure = await of.measure(`${called}, ${shown(shape)}`)
    const measured = await alternate(running, rounds, ({ address, rootPid }, round) => {
      const load = { address, serverPid: rootPid, connections, streams, seconds }
      return measure(load, `${connections}/${round}`)
    })
    rows.push(...measured)
  }
  return rows
}

function shown([connections, streams]: Shape): string {
  return streams === 1 ? String(connections) : `${connections} × ${streams}`
}

/** The same request over and over. */
async function oneRequest(called: string, method: string, message: Uint8Array): Promise<Measure> {
  const generate = await findGenerator()
  const frame = grpcFrame(message)
  const writes = method.endsWith('/Put')
  return async (load) => {
    const before = await revision(load.address)
    const result = await generate({ kind: 'grpc', method, frame, ...load })
    const written = (await revision(load.address)) - before
    // A put that failed would have left the revision, and nothing but a put moves it.
    if (writes ? written < result.perSecond * load.seconds * 0.99 : written > 0) {
      throw new Error(`${written} revisions for ${result.perSecond} calls per s`)
    }
    return unaryFigures(called, result)
  }
}

/** Throws unless the key has its value: a range that fails would be fast. */
async function revision(address: Address): Promise<number> {
  const { kvs, header } = await grpcRange(address, { key: Buffer.from(KEY) })
  if (kvs[0]?.value.length !== VALUE.length || header === undefined) {
    throw new Error('the key is gone')
  }
  return header.revision
}
