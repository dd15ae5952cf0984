import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import type { Region } from '../../src/config/region.ts'
import { isRefused } from '../../src/protocol/shard-rpc.ts'
import type { Replica } from '../../src/replica/replica.ts'
import type { Shard } from '../../src/shard/shard.ts'
import { type Serving, shardNamed } from './calls.ts'

export interface LedAndReplica {
  readonly leader: DurableObjectStub<Shard>
  readonly replica: DurableObjectStub<Replica>
}

/** A replica as the directory makes it, which has not copied anything yet. */
export async function replicaOf(name: string, region: Region): Promise<LedAndReplica> {
  const leader = await shardNamed(name, { enableV2: true })
  const charge = await leader.addReplica({ keyspace: name, jurisdiction: undefined, region })
  if (isRefused(charge)) {
    throw new Error(charge.refused.message)
  }
  const replica = env.REPLICA.getByName(`${name}@${region}`)
  await replica.beReplica(charge)
  return { leader, replica }
}

/** The same when it has. */
export async function wholeReplicaOf(name: string, region: Region): Promise<LedAndReplica> {
  const both = await replicaOf(name, region)
  await untilWhole(both.replica)
  return both
}

export async function untilWhole(replica: DurableObjectStub<Replica>): Promise<void> {
  const isWhole = async (): Promise<boolean> => {
    const report = await replica.report()
    return !isRefused(report) && report.isWhole
  }
  await expect.poll(isWhole, { timeout: 20_000 }).toBe(true)
}

/** Rows of an object's own tables, whoever it is. */
export function rowsIn(
  object: Serving,
  statement: string,
): Promise<readonly Record<string, SqlStorageValue>[]> {
  return runInDurableObject(object as DurableObjectStub<Shard>, (_, { storage }) =>
    storage.sql.exec(statement).toArray(),
  )
}
