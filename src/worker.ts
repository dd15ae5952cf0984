/** The Worker as wrangler.toml and workerd take it: the gateway in front, the shards behind it. */
export { gateway as default } from './gateway/app.ts'
export { Shard } from './shard/shard.ts'
