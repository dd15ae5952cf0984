import type { Directory } from './directory/directory.ts'
import type { EdgeClient } from './edge-lab/edge-client.ts'
import type { EdgeLab } from './edge-lab/edge-lab.ts'
import type { ObjectStore } from './object-store/object-store.ts'
import type { Replica } from './replica/replica.ts'
import type { Shard } from './shard/shard.ts'

declare global {
  /**
   * What the Worker is bound to. SHARD, DIRECTORY, REPLICA, LAB and LAB_CLIENT come from wrangler.toml; the ETCD_* texts come from
   * `[vars]` or, in the embedded start, from the flags of src/cli/flags.ts. EMBEDDED is "true" in
   * the embedded start only.
   */
  interface Env {
    readonly SHARD: DurableObjectNamespace<Shard>
    readonly DIRECTORY: DurableObjectNamespace<Directory>
    readonly REPLICA: DurableObjectNamespace<Replica>
    readonly LAB: DurableObjectNamespace<EdgeLab>
    readonly LAB_CLIENT: DurableObjectNamespace<EdgeClient>
    readonly ETCD_NAME?: string
    readonly ETCD_ADVERTISE_CLIENT_URLS?: string
    readonly ETCD_INITIAL_ADVERTISE_PEER_URLS?: string
    readonly ETCD_MAX_LEARNERS?: string
    readonly ETCD_ENABLE_GRPC_GATEWAY?: string
    readonly ETCD_ENABLE_V2?: string
    readonly ETCD_QUOTA_BACKEND_BYTES?: string
    readonly ETCD_MAX_REQUEST_BYTES?: string
    readonly ETCD_MAX_TXN_OPS?: string
    readonly ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL_MS?: string
    readonly ETCD_AUTO_COMPACTION_MODE?: string
    readonly ETCD_AUTO_COMPACTION_RETENTION?: string
    readonly ETCD_CORS?: string
    readonly ETCD_HOST_WHITELIST?: string
    readonly ETCD_METRICS?: string
    readonly ETCD_AUTH_TOKEN?: string
    /** Of `ETCD_AUTH_TOKEN=jwt,…`: PEM, SPKI or a certificate; its own `pub-key` is a path for --auth-token. */
    readonly ETCD_AUTH_TOKEN_PUBLIC_KEY?: string
    /** A secret: PKCS #8 in PEM, or for HMAC the key in base64. */
    readonly ETCD_AUTH_TOKEN_PRIVATE_KEY?: string
    readonly ETCD_AUTH_TOKEN_TTL?: string
    readonly ETCD_BCRYPT_COST?: string
    readonly EMBEDDED?: string
    /** In the embedded start: tells of the machine that the Worker runs on (src/cli/host-answers.ts). */
    readonly HOST?: Fetcher
    /** In the embedded start, where the Worker runs in its process: the directory of snapshots. */
    readonly SNAPSHOT_DIRECTORY?: ObjectStore
    /** In the embedded start: what its own link to the shard shows (src/cli/serve.ts). */
    readonly ETCDURABLE_LINK_SECRET?: string
    /** A secret: the first administrator's access token. A deployed Worker without it serves nobody. */
    readonly ETCDURABLE_TOKEN?: string
    /** The bucket of R2 that snapshots go to; without it a deployment has no snapshots of its own. */
    readonly SNAPSHOTS?: R2Bucket
    /** Where no bucket is bound: `s3://bucket/prefix`, or in the embedded start `file:///path`. */
    readonly ETCDURABLE_SNAPSHOT_STORE?: string
    readonly ETCDURABLE_SNAPSHOT_STORE_ENDPOINT?: string
    readonly ETCDURABLE_SNAPSHOT_STORE_REGION?: string
    readonly ETCDURABLE_SNAPSHOT_LAG_SECONDS?: string
    readonly AWS_ACCESS_KEY_ID?: string
    /** A secret. */
    readonly AWS_SECRET_ACCESS_KEY?: string
    /** A secret, where the credentials end by themselves. */
    readonly AWS_SESSION_TOKEN?: string
    /** How often a token, or an address without one, may ask. */
    readonly REQUEST_LIMIT?: RateLimit
    /** How many wrong tokens an address may show. */
    readonly REFUSAL_LIMIT?: RateLimit
  }

  namespace Cloudflare {
    interface Env extends globalThis.Env {}
  }
}
