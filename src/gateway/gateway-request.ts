import type { Settings } from '../config/settings.ts'
import type { Shown } from '../door/shown.ts'
import type { Visitor } from '../door/visitor.ts'
import type { ShardClient } from './shard-client.ts'

/** A request on its way through the gateway, and what is known of it. */
export interface GatewayRequest {
  readonly request: Request
  /** Below the keyspace, not decoded. */
  readonly path: string
  readonly env: Env
  readonly settings: Settings
  readonly shown: Shown
  readonly visitor: Visitor
  /** The keyspace that is asked, for whoever asks. */
  readonly shard: ShardClient
}
