import { linkedShards, runOfIsolate } from '../protocol/node-run.ts'

/** How long links may take to leave: as long as they wait for what they have sent. */
const LEAVING_MS_MAX = 4_000

/**
 * This node is about to stop: resolves when the links of others have left the shards that are here, and soon in any
 * case. So none of their writes is under way when the runtime hands the shards over.
 */
export async function leaveShards({ SHARD }: Pick<Env, 'SHARD'>): Promise<void> {
  const run = runOfIsolate()
  const leaving = Array.from(linkedShards, async (id) => {
    try {
      await SHARD.get(SHARD.idFromString(id)).leaveNode(run)
    } catch (error) {
      // oxlint-disable-next-line no-console -- a Worker's log is its console
      console.warn(`links are not told that a node stops: ${String(error)}`)
    }
  })
  await Promise.race([Promise.all(leaving), scheduler.wait(LEAVING_MS_MAX)])
}
