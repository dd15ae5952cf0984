import type { ClusterNode } from '../config/cluster.ts'
import type { KeyspaceOptions } from '../config/keyspace-options.ts'
import type { Region } from '../config/region.ts'
import type { RangeCursor } from '../mvcc/range-page.ts'
import type { Revision } from '../mvcc/types.ts'
import type { MethodName } from './methods.ts'
import type { MetricValues } from './metric-families.ts'
import type { Code } from './status.ts'
import type { V2Answer, V2Call } from './v2-call.ts'

/**
 * How the gateway calls a shard; a bridge says the same in frames (frames.ts). Requests and responses
 * cross encoded, since a list of a thousand keys takes less time to encode and decode than to clone. A
 * refusal is an answer, because an error loses its fields on the way.
 */
export interface ShardRpc {
  /**
   * Calls of any unary method, and of LeaseKeepAlive one request at a time. They go in their order,
   * and their answers are in the same order; each of them succeeds or fails by itself.
   */
  callMany(calls: readonly Call[]): Promise<readonly Outcome[]>
  /** A call of etcd's v2 API that does not wait. */
  v2(call: V2Call, context: CallContext): Promise<V2Answer | Refused>
  /** A further page of a Range whose answer carried `next`; `request` is the first one's. */
  rangeNext(request: Uint8Array, next: PageCursor, context: CallContext): Promise<Outcome>
  /** What /metrics shows, already true at the moment of the call. */
  metrics(context: CallContext): Promise<MetricsOutcome>
  /** How far the keyspace has come in sending itself to the object store. */
  replication(context: CallContext): Promise<ReplicationStatus | Refused>
  /** What the gateway has found of the keyspace's health, for the metrics to tell. */
  checked(checks: readonly HealthCheck[], context: CallContext): Promise<void>
  /** An administrator's token was revoked: what is open by it ends. */
  revokeAdministrator(id: string): Promise<void>
  /** Sets what a keyspace may change of how it was made. Doing it twice is doing it once. */
  configure(changed: ChangedOptions): Promise<void | Refused>
  /** Makes the keyspace. Doing it twice is doing it once, unless the object is lost at it. */
  create(creation: Creation): Promise<void>
  /**
   * Frees the storage and ends all calls, streams and sockets. The object is lost at it, and so is
   * this call; one that comes back has found nothing to free.
   */
  destroy(): Promise<void>
  /**
   * Begins a keyspace that is made from a file of etcd's, or from what `source` says: JSON that the gateway
   * has made and the shard reads (shard/restore-source.ts). Doing it twice is doing it once; where anything
   * else is here, the object is lost at freeing it.
   */
  beginRestore(id: string, source: string | null): Promise<void>
  /**
   * Entries of the file (etcd-file/entry-batch.ts), of which the first is its entry of that number. What
   * has come already is passed over. Nobody gives the restore up for so many more seconds.
   */
  restoreEntries(id: string, batch: RestoreBatch): Promise<Refused | undefined>
  /** How far it is. Some of what a commit checks is done meanwhile. */
  restoreProgress(id: string): Promise<RestoreProgress | Refused>
  /** Makes it a keyspace when it is what the file is. `checking` is to be asked again. */
  commitRestore(
    id: string,
    total: RestoreTotal,
    creation: Creation,
  ): Promise<'checking' | 'ready' | Refused>
  /** Goes on with one that reads its source by itself, for some seconds. */
  advanceRestore(id: string, creation: Creation): Promise<RecoveryProgress | Refused>
  /**
   * The node of a cluster that is in that run is about to stop: resolves when the links of others have left, who are
   * answered first. In another run nothing happens.
   */
  leaveNode(run: string): Promise<void>
  /** How long ago the last entry has come, in milliseconds; `ready` is a keyspace. */
  restoreIdle(id: string, creation: Creation): Promise<number | 'ready' | 'none'>
}

export interface RestoreBatch {
  readonly first: number
  readonly entries: Uint8Array
  /** Seconds that it may be left alone beyond what any restore may. */
  readonly patience: number
}

export interface RestoreProgress {
  /** So many have come. */
  readonly entries: number
  /** Whether all of them are checked as far as can be. */
  readonly summed: boolean
}

/** How far a keyspace is that is made from an archive, or from another keyspace. */
export interface RecoveryProgress {
  /** `creating` is to be asked again. */
  readonly state: 'creating' | 'ready'
  /** The last revision that is written, and the one that it ends with. */
  readonly revision: Revision
  readonly target: Revision
  /** So many changes are written. */
  readonly changes: number
  /** What the keyspace is made with, where it is ready. */
  readonly options?: RestoredOptions
}

export type RestoredOptions = Omit<Creation, 'created'>

/** What a file has, and a restore has come to when all of it is there. */
export interface RestoreTotal {
  readonly entries: number
  /** CRC-32C of the changes (mvcc/changes-sum.ts). */
  readonly changesSum: number
}

/** What the shard keeps of how its keyspace was made. */
export interface Creation extends Pick<
  KeyspaceOptions,
  'quotaBackendBytes' | 'autoCompactionMode' | 'autoCompactionRetention' | 'enableV2'
> {
  /** Milliseconds since 1970; tells the keyspace from an earlier one of the same name. */
  readonly created: number
}

/** What a keyspace may change of how it was made; what is undefined is as the deployment has it. */
export interface ChangedOptions {
  readonly enableV2: boolean | undefined
}

/** How far a keyspace has come in sending itself to the object store. */
export interface ReplicationStatus {
  /**
   * `off`: there is no store. `current`: what is behind is no older than it may be. `behind`: it is.
   * `failing`: so is the store, and `reason` says how. `deposed`: another copy of the keyspace sends.
   */
  readonly state: 'off' | 'current' | 'behind' | 'failing' | 'deposed'
  readonly reason: string | null
  /** 0 before anything was sent. */
  readonly epoch: number
  /** The last revision that was sent. */
  readonly revision: Revision
  /** How long ago the first change came that was not. */
  readonly lagSeconds: number
  readonly lagRevisions: number
  /** When a segment was sent last, in ms since 1970. */
  readonly lastSegment: number | null
  readonly lastFull: {
    readonly revision: Revision
    /** In ms since 1970. */
    readonly time: number
    readonly bytes: number
  } | null
  /** Since the object came into memory. */
  readonly segments: number
  readonly fulls: number
  readonly failures: number
}

export type MetricsOutcome = Refused | { readonly values: MetricValues }

/** One answer of /health, or one of the checks by `name` that /livez and /readyz consist of. */
export interface HealthCheck {
  readonly type: string
  readonly name?: string
  readonly status: 'success' | 'error'
}

/** One call of a client, as gRPC has the word: a method, what is known of who calls, and one request. */
export interface Call {
  readonly method: MethodName
  /** The protobuf of the method's request. */
  readonly request: Uint8Array
  readonly context: CallContext
}

export interface CallContext {
  /** Where the client reached us, such as `https://store.example.com`: MemberList answers it when no
   * --advertise-client-urls is set. */
  readonly origin?: string | undefined
  /** etcd's token, as `shownToken` has it; undefined where the client has shown none. */
  readonly token?: string | undefined
  /**
   * That of the certificate which the client has shown to a bridge: the user that it speaks for where
   * no token of etcd's is shown (etcd's --client-cert-auth).
   */
  readonly commonName?: string | undefined
  /**
   * The client has shown such a certificate and asks by HTTP, where its name says nothing: etcd refuses
   * that while auth is on.
   */
  readonly certified?: boolean | undefined
  /** The server's own question, as /health asks: nobody is asked who they are. */
  readonly asServer?: boolean | undefined
  /**
   * The gateway has found that an administrator asks: by the deployment's secret, or by this token.
   * Where there is no secret to know, as in the embedded start without one, everybody is, `unasked`:
   * they may do everything but say in a session which of etcd's users they speak for. `link` is the
   * server's own, of the process that this one runs for.
   */
  readonly administrator?: true | 'link' | 'unasked' | AdministratorToken | undefined
  /** The node of a cluster that the client has asked, and whose answer it is. */
  readonly node?: ClusterNode | undefined
  /** The keyspace's access token that the client has shown, which the shard knows or does not. */
  readonly accessToken?: string | undefined
  /** A replica has been shown the keyspace's access token of this id, and passes the call on. */
  readonly vouched?: string | undefined
  /** What the answer is to have at least: a replica waits for it, or says that it has not got it. */
  readonly minRevision?: Revision | undefined
}

/** Tells the shard, in JSON, the `CallContext` of whoever opens a socket to it. */
export const CONTEXT_HEADER = 'X-Etcdurable-Context'

/** Where a shard is asked by `fetch` what `callMany` and `v2` are asked by RPC (protocol/packed-body.ts). */
export const CALLS_URL = { calls: 'http://shard/calls', v2: 'http://shard/v2' } as const

/** Of a session that is a link's: it leaves when it is asked to (protocol/frames.ts), and goes on where it is opened anew. */
export const LINK_HEADER = 'etcdurable-link'

/** Of a link to the leader: the regions, with commas between, where a replica would be nearer to its client. */
export const NEARER_HEADER = 'etcdurable-nearer'

/** What a shard has to know of a token that is not its own. */
export interface AdministratorToken {
  readonly id: string
  /** Milliseconds since 1970; undefined for never. */
  readonly expires: number | undefined
}

/** What a call comes to. `response` is the protobuf of the method's response, or its first part where there is `next`. */
export type Outcome =
  | {
      readonly response: Uint8Array
      readonly next?: PageCursor | undefined
      /** Undefined where the leader has answered. */
      readonly replica?: AnsweredBy | undefined
    }
  | Refused

/** A replica that has answered by itself, and how far it is behind the leader as far as it knows. */
export interface AnsweredBy {
  readonly region: Region
  readonly lagRevisions: number
  readonly lagMs: number
}

export interface Refused {
  readonly refused: { readonly code: Code; readonly message: string }
}

/** Whether an answer, whatever it may else be, is a refusal. */
export function isRefused(answer: unknown): answer is Refused {
  return typeof answer === 'object' && answer !== null && 'refused' in answer
}

/** Where the next page of a range begins; opaque to who passes it back. */
export interface PageCursor extends RangeCursor {
  /** By which the shard knows the answer that the page is of. */
  readonly open?: number | undefined
  readonly begun?: RangeStreamBegun
}

/** What the messages of a RangeStream have of those before. */
export interface RangeStreamBegun {
  /** What the first has found, which the last one tells. */
  readonly revision: Revision
  readonly count: number
  /** How many keys the next one has at most. */
  readonly keysMax: number
}
