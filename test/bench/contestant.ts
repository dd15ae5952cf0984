import type { Certificates } from './certificates.ts'
import type { Address } from './h2-connection.ts'

export interface Running {
  /** In plaintext. Of kine over TLS, which has but one port, there is none. */
  readonly url: string
  /** For gRPC: over TLS where it was started so. */
  readonly address: Address
  /** The process that serves, or, of ours, the one that holds the keyspace. */
  readonly pid: number
  /** Of ours, where that is another: the process that clients talk to. */
  readonly bridgePid?: number
  /** The process that all others of it are below. */
  readonly rootPid: number
  stop(): Promise<void>
  kill9(): Promise<void>
}

export interface StartOptions {
  /** An earlier directory to go on with; otherwise one of its own, which goes when it stops. */
  readonly dataDir?: string
  /** On 127.0.0.1; a free one otherwise. */
  readonly port?: number
  /** More flags, which ours and etcd have in common. */
  readonly flags?: readonly string[]
  /** To serve TLS too, for clients that have a certificate. */
  readonly certificates?: Certificates
  /** Of ours: clients need the secret in this file, or a token that was made with it. */
  readonly tokenFile?: string
}

/** A kind of server that is measured. */
export interface Contestant {
  readonly name: string
  /** kine takes the requests of Kubernetes and no others. */
  readonly takes: 'everything' | 'kubernetes'
  start(options?: StartOptions): Promise<Running>
}
