import { packBody, unpackBody } from '../protocol/packed-body.ts'
import {
  type Call,
  type CallContext,
  CALLS_URL,
  type Outcome,
  type Refused,
  type ShardRpc,
} from '../protocol/shard-rpc.ts'
import type { V2Answer, V2Call } from '../protocol/v2-call.ts'

/** What a shard is called by that may write. */
export type ShardCalls = Pick<ShardRpc, 'callMany' | 'v2'>

/**
 * The same by `fetch`. In a cluster the runtime sends that on to where an object goes, as long as the object has not
 * got it. A call by RPC to a node that stops fails there, and nobody knows whether it was done.
 */
export class FetchedCalls implements ShardCalls {
  readonly #shard: Pick<DurableObjectStub, 'fetch'>

  constructor(shard: Pick<DurableObjectStub, 'fetch'>) {
    this.#shard = shard
  }

  async callMany(calls: readonly Call[]): Promise<readonly Outcome[]> {
    return (await this.#ask(CALLS_URL.calls, calls)) as readonly Outcome[]
  }

  async v2(call: V2Call, context: CallContext): Promise<V2Answer | Refused> {
    return (await this.#ask(CALLS_URL.v2, { call, context })) as V2Answer | Refused
  }

  async #ask(url: string, value: unknown): Promise<unknown> {
    const response = await this.#shard.fetch(url, { method: 'POST', body: packBody(value) })
    return unpackBody(new Uint8Array(await response.arrayBuffer()))
  }
}
