import { DurableObject } from 'cloudflare:workers'
import { migrate } from '../mvcc/migrations.ts'
import { durableSql } from '../shard/storage.ts'
import type { DirectoryRpc, KeyspaceAddress } from './directory-rpc.ts'
import { KeyspaceTable } from './keyspace-table.ts'
import { migrations } from './migrations.ts'

/** The one object that knows which keyspaces there are. No call of a client waits for it twice. */
export class Directory extends DurableObject<Env> implements DirectoryRpc {
  readonly #keyspaces: KeyspaceTable

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const sql = durableSql(ctx.storage)
    migrate(sql, migrations)
    this.#keyspaces = new KeyspaceTable(sql)
  }

  find(name: string): Promise<KeyspaceAddress | undefined> {
    return Promise.resolve(this.#keyspaces.find(name))
  }
}
