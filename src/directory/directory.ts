import { DurableObject } from 'cloudflare:workers'
import { DEFAULT_KEYSPACE } from '../config/keyspace-name.ts'
import type { KeyspaceOptions } from '../config/keyspace-options.ts'
import type { Region } from '../config/region.ts'
import type { AccessTokenList } from '../door/access-token-rpc.ts'
import type { CreatedAccessToken, NewAccessToken } from '../door/access-token.ts'
import { AccessTokens } from '../door/access-tokens.ts'
import { migrate } from '../mvcc/migrations.ts'
import type {
  AdministratorToken,
  ChangedOptions,
  RecoveryProgress,
  Refused,
  RestoreTotal,
  ShardRpc,
} from '../protocol/shard-rpc.ts'
import { Code, RpcStatus, statusOf } from '../protocol/status.ts'
import { newAccessToken } from '../shard/new-access-token.ts'
import { durableSql } from '../shard/storage.ts'
import { AdministratorSessions, type Told } from './administrator-sessions.ts'
import { Replicas } from './directory-replicas.ts'
import { Restores } from './directory-restores.ts'
import type {
  DirectoryRpc,
  KeyspaceAddress,
  KeyspaceEntry,
  KeyspaceReplicas,
  Promoted,
  ReplicaEntry,
  WantedLeader,
} from './directory-rpc.ts'
import { creationOf, isRestoring, persevering, refusal, unfinished } from './directory-steps.ts'
import { KeyspaceTable } from './keyspace-table.ts'
import { migrations } from './migrations.ts'
import { ReplicaTable } from './replica-table.ts'

/** When to look again after what was left half done. */
const RETRY_MS = 10_000
/** So many keyspaces are brought on at a time. */
const RETRIES_MAX = 100

/**
 * The one object that knows which keyspaces there are. It is off the way of calls: an isolate asks it
 * once for each keyspace.
 */
export class Directory extends DurableObject<Env> implements DirectoryRpc {
  readonly #keyspaces: KeyspaceTable
  readonly #tokens: AccessTokens
  readonly #sessions: AdministratorSessions
  readonly #restores: Restores
  readonly #replicas: Replicas
  /** What is being done to a keyspace; the next thing is done after it. */
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const sql = durableSql(ctx.storage)
    migrate(sql, migrations)
    this.#keyspaces = new KeyspaceTable(sql)
    this.#tokens = new AccessTokens(sql, 'administrator')
    this.#sessions = new AdministratorSessions(sql)
    this.#restores = new Restores(this.#keyspaces, {
      shard: (keyspace) => this.#shard(keyspace),
      after: (name, act) => this.#after(name, act),
      bringOn: (name) => this.#bringOn(name),
    })
    this.#replicas = new Replicas(new ReplicaTable(sql), {
      env: () => this.env,
      keyspace: (name) => this.#keyspaces.get(name),
      after: (name, act) => this.#after(name, act),
    })
  }

  find(name: string): Promise<KeyspaceAddress | undefined> {
    const entry = this.#keyspaces.get(name)
    return Promise.resolve(entry?.state === 'ready' ? this.#replicas.address(entry) : undefined)
  }

  list(after: string, limit: number): Promise<readonly KeyspaceEntry[]> {
    return Promise.resolve(this.#keyspaces.list(after, limit))
  }

  describe(name: string): Promise<KeyspaceEntry | Refused> {
    const entry = this.#keyspaces.get(name)
    return Promise.resolve(
      entry === undefined || isRestoring(entry) ? refusal(statusOf('keyspace-not-found')) : entry,
    )
  }

  async create(name: string, options: KeyspaceOptions): Promise<KeyspaceEntry | Refused> {
    await this.#remindMe()
    const before = this.#keyspaces.get(name)
    if (before === undefined) {
      const problem = this.#placeProblem(name, options)
      if (problem !== undefined) {
        return refusal(problem)
      }
      this.#keyspaces.beginCreation(name, options, Date.now())
    } else if (isRestoring(before)) {
      return refusal(statusOf('keyspace-restoring'))
    } else if (before.state !== 'creating' || !isSame(before.options, options)) {
      return refusal(statusOf('keyspace-exists'))
    }
    try {
      await this.#bringOn(name)
    } catch (error) {
      return refusal(unfinished(name, error))
    }
    return this.describe(name)
  }

  async beginRestore(
    name: string,
    options: KeyspaceOptions,
    source: string | null,
  ): Promise<{ id: string } | Refused> {
    await this.#remindMe()
    const problem = this.#placeProblem(name, options)
    return problem === undefined ? this.#restores.begin(name, options, source) : refusal(problem)
  }

  async advanceRestore(name: string, id: string): Promise<RecoveryProgress | Refused> {
    await this.#remindMe()
    return this.#restores.advance(name, id)
  }

  findRestore(name: string, id: string): Promise<KeyspaceAddress | Refused> {
    return this.#restores.find(name, id)
  }

  async commitRestore(
    name: string,
    id: string,
    total: RestoreTotal,
  ): Promise<KeyspaceEntry | Refused> {
    await this.#remindMe()
    return this.#restores.commit(name, id, total)
  }

  async cancelRestore(name: string, id: string): Promise<Refused | undefined> {
    await this.#remindMe()
    return this.#restores.cancel(name, id)
  }

  async change(name: string, changed: ChangedOptions): Promise<KeyspaceEntry | Refused> {
    await this.#remindMe()
    const before = this.#keyspaces.get(name)
    if (before?.state !== 'ready') {
      return refusal(statusOf('keyspace-not-found'))
    }
    this.#keyspaces.change(name, changed)
    try {
      await this.#bringOn(name)
    } catch (error) {
      return refusal(unfinished(name, error))
    }
    return this.describe(name)
  }

  async delete(name: string): Promise<Refused | undefined> {
    if (name === DEFAULT_KEYSPACE) {
      return refusal(statusOf('keyspace-default'))
    }
    await this.#remindMe()
    if (this.#keyspaces.get(name) === undefined) {
      return refusal(statusOf('keyspace-not-found'))
    }
    this.#keyspaces.beginDeletion(name)
    try {
      await this.#bringOn(name)
    } catch (error) {
      return refusal(unfinished(name, error))
    }
    return undefined
  }

  async addReplica(name: string, region: Region): Promise<ReplicaEntry | Refused> {
    await this.#remindMe()
    return this.#replicas.add(name, region)
  }

  async removeReplica(name: string, region: Region): Promise<Refused | undefined> {
    await this.#remindMe()
    return this.#replicas.remove(name, region)
  }

  replicas(name: string): Promise<KeyspaceReplicas | Refused> {
    return this.#replicas.describe(name)
  }

  async promote(name: string, wanted: WantedLeader): Promise<Promoted | Refused> {
    await this.#remindMe()
    return this.#replicas.promote(name, wanted)
  }

  /** After a crash: brings to their ends what was begun. */
  override async alarm(): Promise<void> {
    const left = this.#unfinished(RETRIES_MAX)
    await Promise.allSettled(left.map((name) => this.#bringOn(name)))
    const allTold = await this.#tellAll()
    if (!allTold || this.#unfinished(1).length > 0) {
      await this.#remindMe()
    }
  }

  /** Keyspaces of which something is still to be done. */
  #unfinished(limit: number): readonly string[] {
    const keyspaces = this.#keyspaces.unfinished('', limit).map(({ name }) => name)
    const untold = this.#keyspaces.untold(limit)
    return [...new Set([...keyspaces, ...untold, ...this.#replicas.unfinished(limit)])]
  }

  /** To be awaited before something is begun, so that it is durable no later. */
  async #remindMe(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) {
      await this.ctx.storage.setAlarm(Date.now() + RETRY_MS)
    }
  }

  /** Rejects with what the platform throws, or the shard: then it is tried again later. */
  #bringOn(name: string): Promise<void> {
    return this.#after(name, () => this.#step(name))
  }

  /** One thing after the other is done to a keyspace. */
  async #after(name: string, act: () => Promise<void>): Promise<void> {
    const before = this.#underWay.get(name)
    const step = (async () => {
      // Whoever began that hears how it ended.
      await before?.catch(() => undefined)
      await act()
    })()
    this.#underWay.set(name, step)
    try {
      await step
    } finally {
      if (this.#underWay.get(name) === step) {
        this.#underWay.delete(name)
      }
    }
  }

  async #step(name: string): Promise<void> {
    const entry = this.#keyspaces.get(name)
    if (entry?.state === 'creating') {
      if (entry.restore === undefined) {
        await persevering(() => this.#shard(entry).create(creationOf(entry)))
        this.#keyspaces.endCreation(name)
      } else {
        await this.#restores.lookAfter(entry, entry.restore)
      }
    } else if (entry?.state === 'deleting') {
      await this.#replicas.destroyAll(entry)
      await persevering(() => this.#shard(entry).destroy())
      this.#replicas.forget(name)
      this.#keyspaces.endDeletion(name)
    } else if (entry !== undefined) {
      try {
        await this.#configure(name)
      } finally {
        // A leader that is about to change refuses, and is then asked again.
        await this.#replicas.bringOn(entry)
      }
    }
  }

  /** Whoever leads it tells its replicas. */
  async #configure(name: string): Promise<void> {
    // It may have changed while something else was done.
    const entry = this.#keyspaces.get(name)
    if (entry !== undefined && this.#keyspaces.isUntold(name)) {
      const changed = { enableV2: entry.options.enableV2 }
      await this.#replicas.configure(entry, changed)
      this.#keyspaces.told(name, changed)
    }
  }

  /** The keyspace's own object. The first one who asks for an object says where it is made. */
  #shard({ name, options }: Pick<KeyspaceEntry, 'name' | 'options'>): ShardRpc {
    const { jurisdiction, locationHint } = options
    const { SHARD } = this.env
    const within = jurisdiction === undefined ? SHARD : SHARD.jurisdiction(jurisdiction)
    return within.getByName(name, locationHint === undefined ? {} : { locationHint })
  }

  /** workerd by itself is in one place, and knows no jurisdictions. */
  #placeProblem(name: string, options: KeyspaceOptions): RpcStatus | undefined {
    try {
      this.#shard({ name, options })
      return undefined
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return new RpcStatus(Code.FAILED_PRECONDITION, `no keyspace can be made there: ${reason}`)
    }
  }

  administrator(token: string): Promise<AdministratorToken | undefined> {
    const known = this.#tokens.verify(token, Date.now())
    return Promise.resolve(known && { id: known.id, expires: known.expires })
  }

  createAccessToken(wanted: NewAccessToken): Promise<CreatedAccessToken | Refused> {
    return Promise.resolve(newAccessToken(this.#tokens, wanted))
  }

  accessTokens(): Promise<AccessTokenList> {
    return Promise.resolve({ tokens: this.#tokens.list() })
  }

  opens(id: string, address: KeyspaceAddress): Promise<boolean> {
    const known = this.#tokens.get(id, Date.now()) !== undefined
    if (known) {
      this.#sessions.record(id, address)
    }
    return Promise.resolve(known)
  }

  /** Answers when all keyspaces have been told, or when some are left to the alarm. */
  async revokeAccessToken(id: string): Promise<{ readonly known: boolean }> {
    await this.#remindMe()
    const known = this.#tokens.revoke(id)
    await this.#tellAll()
    return { known }
  }

  /** Answers whether none is left. */
  async #tellAll(): Promise<boolean> {
    const left = this.#sessions.untold(RETRIES_MAX)
    const results = await Promise.allSettled(left.map((one) => this.#tell(one)))
    return left.length < RETRIES_MAX && results.every(({ status }) => status === 'fulfilled')
  }

  async #tell(told: Told): Promise<void> {
    const { token, address } = told
    await Promise.all(this.#replicas.objects(address).map((one) => one.revokeAdministrator(token)))
    this.#sessions.told(told)
  }
}

function isSame(a: KeyspaceOptions, b: KeyspaceOptions): boolean {
  return (
    a.quotaBackendBytes === b.quotaBackendBytes &&
    a.autoCompactionMode === b.autoCompactionMode &&
    a.autoCompactionRetention === b.autoCompactionRetention &&
    a.enableV2 === b.enableV2 &&
    a.locationHint === b.locationHint &&
    a.jurisdiction === b.jurisdiction
  )
}
