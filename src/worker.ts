/** The Worker as wrangler.toml and workerd take it: the gateway in front, the shards, their replicas and their directory behind it, and the lab. */
export { gateway as default } from './gateway/app.ts'
export { Directory } from './directory/directory.ts'
export { EdgeClient } from './edge-lab/edge-client.ts'
export { EdgeLab } from './edge-lab/edge-lab.ts'
export { Replica } from './replica/replica.ts'
export { Shard } from './shard/shard.ts'
