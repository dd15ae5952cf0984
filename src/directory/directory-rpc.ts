import type { KeyspaceOptions } from '../config/keyspace-options.ts'
import type { Region } from '../config/region.ts'
import type { AccessTokenRpc } from '../door/access-token-rpc.ts'
import type { Revision } from '../mvcc/types.ts'
import type { LeaderAddress } from '../protocol/object-address.ts'
import type { ReplicaStatus } from '../protocol/replica-rpc.ts'
import type {
  AdministratorToken,
  ChangedOptions,
  RecoveryProgress,
  Refused,
  RestoreTotal,
} from '../protocol/shard-rpc.ts'

/** There is one directory, which goes by this name. */
export const DIRECTORY_NAME = 'directory'

/**
 * How the gateway calls the directory. A refusal is an answer: an error loses its fields on the way. The
 * access tokens are the administrators'.
 */
export interface DirectoryRpc extends AccessTokenRpc {
  /** Undefined where no keyspace has the name, or not yet, or not any more. */
  find(name: string): Promise<KeyspaceAddress | undefined>
  /** In the order of their names, those after `after`, which need not be one. */
  list(after: string, limit: number): Promise<readonly KeyspaceEntry[]>
  describe(name: string): Promise<KeyspaceEntry | Refused>
  /** Answers when it is ready. Where the same is being created already, it waits for that. */
  create(name: string, options: KeyspaceOptions): Promise<KeyspaceEntry | Refused>
  /** Answers when it is so. What the keyspace is not told now it is told later. */
  change(name: string, changed: ChangedOptions): Promise<KeyspaceEntry | Refused>
  /** Answers when its storage is free. */
  delete(name: string): Promise<Refused | undefined>
  /**
   * Begins a keyspace that is made from a file of etcd's, or from what `source` says (`ShardRpc`), and
   * answers the id of its restore. One of that name that was begun before, and is not done, is given up.
   */
  beginRestore(
    name: string,
    options: KeyspaceOptions,
    source: string | null,
  ): Promise<{ readonly id: string } | Refused>
  /** Goes on with one that has such a source. Where the state is `creating` it is to be asked again. */
  advanceRestore(name: string, id: string): Promise<RecoveryProgress | Refused>
  /** Where the keyspace is made. */
  findRestore(name: string, id: string): Promise<KeyspaceAddress | Refused>
  /** All of it has come. Where the answer is not `ready` it is to be asked again. */
  commitRestore(name: string, id: string, total: RestoreTotal): Promise<KeyspaceEntry | Refused>
  /** Gives it up. Answers when its storage is free. */
  cancelRestore(name: string, id: string): Promise<Refused | undefined>
  /** Answers when the replica is made; it copies what there is by itself. */
  addReplica(name: string, region: Region): Promise<ReplicaEntry | Refused>
  /** Answers when its storage is free. */
  removeReplica(name: string, region: Region): Promise<Refused | undefined>
  replicas(name: string): Promise<KeyspaceReplicas | Refused>
  /** Makes a replica the leader. Answers when it leads. */
  promote(name: string, wanted: WantedLeader): Promise<Promoted | Refused>
  /** Undefined for what is no administrator's access token, or none any more. */
  administrator(token: string): Promise<AdministratorToken | undefined>
  /** To be awaited before a socket is opened by that token. Answers whether there is one still. */
  opens(id: string, address: KeyspaceAddress): Promise<boolean>
}

/** What finds the objects of a keyspace. */
export interface KeyspaceAddress extends LeaderAddress {
  /** Where the leader is; undefined where nobody has said, or not exactly. */
  readonly near?: Region | undefined
  /** In which it leads; undefined where nobody has asked the directory. */
  readonly epoch?: number | undefined
  /** Where replicas are that serve. */
  readonly replicas?: readonly Region[] | undefined
}

/** What the directory knows of a replica. */
export interface ReplicaEntry {
  readonly region: Region
  readonly state: 'adding' | 'ready' | 'untold' | 'removing'
  /** Milliseconds since 1970. */
  readonly added: number
}

export interface KeyspaceReplicas {
  /** Undefined for the keyspace's own object. */
  readonly leader: Region | undefined
  readonly epoch: number
  /** The leader's; undefined where it does not answer. */
  readonly revision: Revision | undefined
  /** Whether another one is to lead, and does not yet. */
  readonly successor: Region | undefined
  readonly replicas: readonly (ReplicaEntry & { readonly status: ReplicaStatus | undefined })[]
}

export interface WantedLeader {
  /** Undefined for the one that has the most; that is to be forced. */
  readonly region: Region | undefined
  /** Also if the leader does not answer, so that what only it has is lost. */
  readonly force: boolean
}

export interface Promoted {
  readonly region: Region
  readonly epoch: number
  /** Its last revision. */
  readonly revision: Revision
  /**
   * How many revisions are known to be missing: those that the leader has told any replica of. There may have been
   * more behind them. 0 where the leader has handed over.
   */
  readonly missing: number
  /** Whether the former leader has handed over all it had. */
  readonly isWhole: boolean
}

export interface KeyspaceEntry {
  readonly name: string
  /** Only one that is ready is found. */
  readonly state: 'creating' | 'ready' | 'deleting'
  /** Milliseconds since 1970; 0 for `default`, which comes with the deployment. */
  readonly created: number
  /** The id of the restore that makes it, or has made it. */
  readonly restore?: string
  readonly options: KeyspaceOptions
}
