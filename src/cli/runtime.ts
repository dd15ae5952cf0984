import type { Agent, RequestOptions } from 'node:http'
import type { PortMetrics } from '../grpc/port-metrics.ts'
import type { StrictConnection, StrictConnectionOptions } from '../http1/strict-connection.ts'
import type { LinkRoute } from '../link/connection.ts'
import type { ObjectStore } from '../object-store/object-store.ts'
import type { ClusterPeers } from './cluster-peers.ts'
import type { ClusterPlan } from './cluster-plan.ts'
import type { Log } from './log.ts'

/** What the Worker and its Durable Objects run in, on one machine. */
export interface Runtime {
  /** The link's way to the keyspace `default`. */
  readonly route: LinkRoute
  /** Where requests find the Worker. Clients that came over TLS are all of theirs. */
  readonly gateway: { readonly address: Pick<RequestOptions, 'socketPath'>; readonly agent: Agent }
  readonly http1: Http1
  /**
   * Ends the streams of HTTP and WebSocket clients with a last message that says why, as far as it still runs, and
   * their connections when they have been answered.
   */
  endStreams(): Promise<void>
  /** Rejects with a Failure when it ends by itself. */
  readonly ended: Promise<never>
  /** Ends what is under way, and takes the objects out of memory. */
  stop(): Promise<void>
}

/** Who serves connections of HTTP/1.1, and what is to be known of that. */
export interface Http1 extends Pick<StrictConnectionOptions, 'headBytesMax' | 'isCounted'> {
  accept(connection: StrictConnection, isSecure: boolean): void
}

export interface RuntimeOptions {
  readonly log: Log
  /** The data directory, which is this process's alone. */
  readonly directory: string
  /** The Worker's variables by name. */
  readonly variables: ReadonlyMap<string, string>
  /** What the client port tells of itself. */
  readonly portMetrics: PortMetrics
  /** What this process shows of itself to the Worker. */
  readonly linkSecret: string
  /** The directory that snapshots go to, which the Worker reaches through this process. */
  readonly snapshots: ObjectStore | undefined
  readonly stopped: Promise<void>
  /** Undefined for one node alone. */
  readonly cluster: RuntimeCluster | undefined
}

/** What makes the runtimes of several nodes one. */
export interface RuntimeCluster {
  readonly plan: ClusterPlan
  readonly peers: ClusterPeers
}
