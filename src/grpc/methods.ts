import type { Upstream } from '../link/upstream.ts'
import { decode } from '../protocol/binary.ts'
import { TxnRequest } from '../protocol/generated/messages.ts'
import { rpcMethods } from '../protocol/generated/services.ts'
import { type MethodName, streaming } from '../protocol/methods.ts'
import { isReadOnly } from '../protocol/request-size.ts'
import { WireError } from '../protocol/wire.ts'
import { checkHealth, listHealth, watchHealth } from './health.ts'
import { HeldAnswers } from './held-answers.ts'
import { type AskEach, GrpcLeaseKeepAlive } from './lease-keep-alive.ts'
import type { PortMetrics } from './port-metrics.ts'
import { GrpcServerStream } from './server-stream.ts'
import type { GrpcOpening, GrpcStream } from './stream.ts'
import { type AskUnary, GrpcUnary } from './unary.ts'
import { GrpcWatch } from './watch.ts'

export interface GrpcMethod extends GrpcOpening {
  /** Its calls have more than one message, on either side. */
  readonly isStream: boolean
  /** It has no end of its own: a server that goes ends it at once. */
  readonly isLasting: boolean
  /** Anybody may call it, with whatever token. */
  readonly isOpen?: boolean
}

/** The methods by the path that calls them. */
export function methodsOf(
  upstream: Upstream,
  metrics: PortMetrics,
): ReadonlyMap<string, GrpcMethod> {
  const methods = new Map<string, GrpcMethod>()
  const held = new HeldAnswers()
  const unary = (ask: AskUnary) => (call: GrpcStream) => new GrpcUnary(call, ask, held)
  for (const name of Object.keys(rpcMethods) as MethodName[]) {
    const method = methodOf(upstream, name, metrics, unary)
    const replica = (): string | undefined => upstream.replica
    methods.set(name, answeredByReplicas.has(name) ? { ...method, replica } : method)
  }
  for (const [name, method] of Object.entries(healthMethods(metrics, unary))) {
    methods.set(`/grpc.health.v1.Health/${name}`, { ...method, isOpen: true })
  }
  return methods
}

/** The services that methods are of: `etcdserverpb.KV`. */
export function servicesOf(methods: ReadonlyMap<string, GrpcMethod>): ReadonlySet<string> {
  return new Set([...methods.keys()].map((path) => path.slice(1, path.lastIndexOf('/'))))
}

/** What a replica answers itself (replica/local-read.ts); a transaction only where it writes nothing. */
const answeredByReplicas: ReadonlySet<MethodName> = new Set([
  '/etcdserverpb.KV/Range',
  '/etcdserverpb.KV/RangeStream',
  '/etcdserverpb.KV/Txn',
  '/etcdserverpb.Watch/Watch',
  '/etcdserverpb.Maintenance/Status',
  '/etcdserverpb.Maintenance/Hash',
  '/etcdserverpb.Maintenance/HashKV',
  '/etcdserverpb.Maintenance/Snapshot',
  '/etcdserverpb.Maintenance/Defragment',
])

const TXN: MethodName = '/etcdserverpb.KV/Txn'

/** What cannot be read is refused by whoever is asked. */
function writes(txn: Uint8Array): boolean {
  try {
    return !isReadOnly(decode(TxnRequest, txn))
  } catch (error) {
    if (error instanceof WireError) {
      return false
    }
    throw error
  }
}

/** How calls with one request and one answer are opened. */
type Unary = (ask: AskUnary) => GrpcOpening['open']

function methodOf(
  upstream: Upstream,
  method: MethodName,
  metrics: PortMetrics,
  unary: Unary,
): GrpcMethod {
  const ask: AskUnary = (call, request, reader) => {
    call.isPassedOn = method === TXN && upstream.replica !== undefined && writes(request)
    return upstream.ask({ method, request, context: call.request.context }, reader)
  }
  const askEach: AskEach = (call, request, signal) =>
    upstream.call({ method, request, context: call.request.context }, signal)
  switch (streaming(method)) {
    case 'unary':
      return { isStream: false, isLasting: false, open: unary(ask) }
    case 'server_stream':
      return {
        isStream: true,
        isLasting: false,
        open: (call) =>
          new GrpcServerStream(call, (request, reader) =>
            upstream.stream({ method, request, context: call.request.context }, reader),
          ),
      }
    case 'bidi_stream':
      return method === '/etcdserverpb.Watch/Watch'
        ? { isStream: true, isLasting: true, open: (call) => new GrpcWatch(call, upstream) }
        : {
            isStream: true,
            isLasting: true,
            open: (call) => new GrpcLeaseKeepAlive(call, askEach),
            counts: metrics.keepAlive,
          }
  }
}

/** What is answered at once leaves nothing to be canceled. */
function answeredHere(answer: (request: Uint8Array) => Uint8Array): AskUnary {
  return (_, request, reader) => {
    reader.answered(answer(request))
    return { taken: () => undefined, measure: () => undefined, cancel: () => undefined }
  }
}

function healthMethods(
  { health }: PortMetrics,
  unary: Unary,
): Readonly<Record<string, GrpcMethod>> {
  return {
    Check: {
      isStream: false,
      isLasting: false,
      open: unary(answeredHere(checkHealth)),
      counts: health.Check,
    },
    List: {
      isStream: false,
      isLasting: false,
      open: unary(answeredHere(listHealth)),
      counts: health.List,
    },
    Watch: {
      isStream: true,
      isLasting: true,
      open: (call) => new GrpcServerStream(call, watchHealth),
      counts: health.Watch,
    },
  }
}
