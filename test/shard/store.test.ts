import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { migrate } from '../../src/mvcc/migrations.ts'
import { migrations } from '../../src/shard/migrations.ts'
import { durableSql } from '../../src/shard/storage.ts'
import { registerStoreContract } from '../mvcc/store-contract.ts'

registerStoreContract("a Durable Object's storage", async (body) => {
  const stub = env.SHARD.get(env.SHARD.newUniqueId())
  await runInDurableObject(stub, (_shard, { storage }) => {
    const sql = durableSql(storage)
    migrate(sql, migrations)
    body(sql)
  })
})
