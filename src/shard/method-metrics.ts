import { rpcMethods } from '../protocol/generated/services.ts'
import { type MethodName, methods, type Streaming, streaming } from '../protocol/methods.ts'
import type { FamilyName } from '../protocol/metric-families.ts'
import { Code, codeNames } from '../protocol/status.ts'
import { Histogram } from './histogram.ts'

/** Durations of what succeeded, and of what did not. */
export class Durations {
  readonly succeeded: Histogram
  readonly failed: Histogram

  constructor(name: FamilyName) {
    this.succeeded = new Histogram(name)
    this.failed = new Histogram(name)
  }

  observe(ms: number, isSuccess: boolean): void {
    const histogram = isSuccess ? this.succeeded : this.failed
    histogram.observe(ms / 1000)
  }
}

/** What etcd measures by itself besides. */
const ownDurations: { readonly [method in MethodName]?: FamilyName } = {
  '/etcdserverpb.Maintenance/Defragment': 'etcd_disk_backend_defrag_duration_seconds',
  '/etcdserverpb.Maintenance/Hash': 'etcd_mvcc_hash_duration_seconds',
  '/etcdserverpb.Maintenance/HashKV': 'etcd_mvcc_hash_rev_duration_seconds',
  '/etcdserverpb.Maintenance/Snapshot': 'etcd_disk_backend_snapshot_duration_seconds',
}

/** What was seen of one method. A call finds it once, and then only counts. */
export class MethodMetrics {
  readonly name: MethodName
  /** etcd proposes it: a write, which is answered when it is durable. */
  readonly isProposed: boolean
  readonly streaming: Streaming
  /** It reads at once what it answers, or its first page. */
  readonly isRange: boolean
  started = 0
  /** By code. */
  readonly handled: number[] = codeNames.map(() => 0)
  received = 0
  receivedBytes = 0
  sent = 0
  sentBytes = 0
  /** Undefined unless --metrics is extensive. */
  readonly handling: Histogram | undefined
  readonly own: Histogram | undefined
  /** Of requests that etcd proposes, and of Range. */
  readonly requests: Durations | undefined
  readonly applies: Durations | undefined

  /** `requests`, where given, are measured with those of others. */
  constructor(name: MethodName, detail: 'basic' | 'extensive', requests?: Durations) {
    this.name = name
    this.isProposed = methods[name].proposed === true
    this.streaming = streaming(name)
    this.handling =
      detail === 'extensive' ? new Histogram('grpc_server_handling_seconds') : undefined
    const own = ownDurations[name]
    this.own = own && new Histogram(own)
    this.isRange = name.startsWith('/etcdserverpb.KV/Range')
    const isMeasured = this.isProposed || name === '/etcdserverpb.KV/Range'
    this.requests =
      requests ?? (isMeasured ? new Durations('etcd_server_request_duration_seconds') : undefined)
    this.applies = this.isProposed ? new Durations('etcd_server_apply_duration_seconds') : undefined
  }

  /** Answers the time in milliseconds, for whoever tells of the end. */
  begin(): number {
    this.started++
    return performance.now()
  }

  receive(bytes: number): void {
    this.received++
    this.receivedBytes += bytes
  }

  send(bytes: number): void {
    this.sent++
    this.sentBytes += bytes
  }

  /** After so many milliseconds. */
  ended(code: Code, ms: number): void {
    this.handled[code] = (this.handled[code] ?? 0) + 1
    this.handling?.observe(ms / 1000)
    if (code === Code.OK) {
      this.own?.observe(ms / 1000)
    }
    // Prometheus' middleware counts the end of a client's messages as one, and a refusal as an answer.
    if (this.streaming === 'bidi_stream') {
      this.received++
    } else if (this.streaming === 'unary') {
      this.sent++
    }
  }

  get ends(): number {
    return this.handled.reduce((ends, count) => ends + count, 0)
  }

  get open(): number {
    return this.started - this.ends
  }
}

const PREFIXED = /^\/etcdserverpb\.Auth\/(?:User|Role)/

/** What etcd calls the request: the field of its InternalRaftRequest. */
export function requestType(method: MethodName): string {
  const name = rpcMethods[method].method
  if (name === 'Compact') {
    return 'Compaction'
  }
  return PREFIXED.test(method) ? `Auth${name}` : name
}
