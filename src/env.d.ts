import type { Shard } from './shard/shard.ts'

declare global {
  /**
   * What the Worker is bound to. SHARD comes from wrangler.toml; the ETCD_* texts come from
   * `[vars]` or, in the embedded start, from the flags of src/cli/flags.ts. EMBEDDED is "true" in
   * the embedded start only.
   */
  interface Env {
    readonly SHARD: DurableObjectNamespace<Shard>
    readonly ETCD_NAME?: string
    readonly ETCD_ADVERTISE_CLIENT_URLS?: string
    readonly ETCD_QUOTA_BACKEND_BYTES?: string
    readonly ETCD_MAX_REQUEST_BYTES?: string
    readonly ETCD_MAX_TXN_OPS?: string
    readonly ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL_MS?: string
    readonly ETCD_AUTO_COMPACTION_MODE?: string
    readonly ETCD_AUTO_COMPACTION_RETENTION?: string
    readonly ETCD_CORS?: string
    readonly ETCD_HOST_WHITELIST?: string
    readonly ETCD_METRICS?: string
    readonly EMBEDDED?: string
    /** A secret: what every request to a deployed Worker has to bring along. */
    readonly ETCDURABLE_TOKEN?: string
  }

  namespace Cloudflare {
    interface Env extends globalThis.Env {}
  }
}
