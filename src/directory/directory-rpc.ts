import type { Jurisdiction, KeyspaceOptions } from '../config/keyspace-options.ts'
import type { AccessTokenRpc } from '../door/access-token-rpc.ts'
import type {
  AdministratorToken,
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
  /** Undefined for what is no administrator's access token, or none any more. */
  administrator(token: string): Promise<AdministratorToken | undefined>
  /** To be awaited before a socket is opened by that token. Answers whether there is one still. */
  opens(id: string, address: KeyspaceAddress): Promise<boolean>
}

/** What finds the object of a keyspace. */
export interface KeyspaceAddress {
  readonly name: string
  readonly jurisdiction: Jurisdiction | undefined
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
