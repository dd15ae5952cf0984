// The engine alone in workerd: no gateway, no codec, no queue. Only the benchmark builds it.
import { DurableObject } from 'cloudflare:workers'
import { migrate } from '../../../src/mvcc/migrations.ts'
import { Store } from '../../../src/mvcc/store.ts'
import { migrations } from '../../../src/shard/migrations.ts'
import { durableSql } from '../../../src/shard/storage.ts'
import type { EngineJob } from '../engine-job.ts'
import { keyAt, prefixEnd } from '../keys.ts'
import type { PermissionJob } from '../permission-job.ts'
import { PermissionBench } from './permission-bench.ts'

const EMPTY = new Uint8Array(0)
const encoder = new TextEncoder()

const everything = {
  limit: 0,
  revision: 0,
  sortOrder: 0,
  sortTarget: 0,
  serializable: false,
  keysOnly: false,
  countOnly: false,
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
}

interface EngineEnv {
  readonly SHARD: DurableObjectNamespace<Shard>
}

/** The configuration of the embedded start binds this class too. */
export class Directory extends DurableObject {}

export class Replica extends DurableObject {}

/** Has the class name that the configuration of the embedded start binds. */
export class Shard extends DurableObject<EngineEnv> {
  readonly #store: Store
  readonly #permission: PermissionBench

  constructor(ctx: DurableObjectState, env: EngineEnv) {
    super(ctx, env)
    const sql = durableSql(ctx.storage)
    migrate(sql, migrations)
    const options = { txnOpsMax: 128, hasLease: () => false, changed: () => undefined }
    this.#store = new Store(sql, options)
    this.#permission = new PermissionBench(sql)
  }

  /** Answers the number of keys touched, when that is durable. */
  override async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === '/permission') {
      return Response.json(this.#permission.run(await request.json<PermissionJob>()))
    }
    return Response.json(this.#do(await request.json<EngineJob>()))
  }

  #do(job: EngineJob): number {
    switch (job.do) {
      case 'put':
        return this.#put(job)
      case 'get':
        return this.#get(job)
      case 'list':
        return this.#list(job)
    }
  }

  #put({ prefix, keys, valueBytes }: EngineJob): number {
    const value = new Uint8Array(valueBytes)
    const flags = { lease: 0n, prevKv: false, ignoreValue: false, ignoreLease: false }
    for (let i = 0; i < keys; i++) {
      this.#store.put({ key: encoder.encode(keyAt(prefix, i)), value, ...flags })
    }
    return keys
  }

  #get({ prefix, keys }: EngineJob): number {
    let found = 0
    for (let i = 0; i < keys; i++) {
      const key = encoder.encode(keyAt(prefix, i))
      found += this.#store.range({ ...everything, key, rangeEnd: EMPTY }, Infinity).count
    }
    return found
  }

  #list({ prefix, times }: EngineJob): number {
    const key = encoder.encode(prefix)
    const rangeEnd = encoder.encode(prefixEnd(prefix))
    let listed = 0
    for (let i = 0; i < times; i++) {
      listed += this.#store.range({ ...everything, key, rangeEnd }, Infinity).kvs.length
    }
    return listed
  }
}

export default {
  fetch: (request: Request, env: EngineEnv) => env.SHARD.getByName('bench').fetch(request),
}
