// The real shard, and what is said to it.
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import type { Outcome, Call, ShardRpc } from '../../src/protocol/shard-rpc.ts'

export interface WatchedShard {
  /** With settings of the embedded start. */
  readonly environment: Env
  /** The calls of each message so far, in the order that they left. */
  readonly messages: readonly (readonly Call[])[]
}

/** `meanwhile` runs when a message has left; its answers are held back until that ends. */
export function watchShard(
  meanwhile: (calls: readonly Call[]) => Promise<void> | void = () => undefined,
): WatchedShard {
  const messages: (readonly Call[])[] = []
  const stub = (name: string): Pick<ShardRpc, 'callMany'> => ({
    callMany: async (calls) => {
      messages.push(calls)
      const answers: Promise<readonly Outcome[]> = env.SHARD.getByName(name).callMany(calls)
      // Whichever ends first, the failure of the other is not left unheard.
      const [answered] = await Promise.all([answers, meanwhile(calls)])
      return answered
    },
  })
  const namespace = { getByName: stub } as unknown as Env['SHARD']
  return { environment: { ...env, EMBEDDED: 'true', SHARD: namespace }, messages }
}

/** As when Cloudflare moves the object: calls under way fail, later ones find a new one. */
export async function resetShard(): Promise<void> {
  const abort = runInDurableObject(env.SHARD.getByName('default'), (_, state) => {
    state.abort('moved')
  })
  await expect(abort).rejects.toThrow('moved')
}
