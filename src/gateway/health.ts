import { z } from 'zod'
import {
  AlarmRequest,
  type AlarmResponse,
  AlarmType,
  RangeRequest,
} from '../protocol/generated/messages.ts'
import { create } from '../protocol/message-type.ts'
import { statusOfFailure } from './failure.ts'
import { textResponse } from './refusal.ts'
import type { ShardClient } from './shard-client.ts'

/** The options of a query, each as often as it is given. What etcd does not know it ignores. */
export type Query = Readonly<Record<string, readonly string[]>>

const options = z.object({
  /** Alarms of /health, checks of the others, that shall not count. */
  exclude: z.array(z.string()).default([]).transform((names) => new Set(names)),
  serializable: z.array(z.string()).default([]).transform(([first]) => first === 'true'),
  /** It is on whenever it is there, even as `verbose=false`. */
  verbose: z.array(z.string()).optional().transform((values) => values !== undefined),
})

/** GET /health: alarms first, then a read. */
export async function healthResponse(shard: ShardClient, query: Query): Promise<Response> {
  const { exclude, serializable } = options.parse(query)
  const reason = await healthProblem(shard, exclude, serializable)
  const body = JSON.stringify({ health: reason === '' ? 'true' : 'false', reason })
  return reason === ''
    ? new Response(body, { headers: { 'Content-Type': 'text/plain; charset=utf-8' } })
    : textResponse(503, body)
}

async function healthProblem(
  shard: ShardClient,
  exclude: ReadonlySet<string>,
  serializable: boolean,
): Promise<string> {
  try {
    const alarm = (await raisedAlarms(shard)).find((name) => !exclude.has(name))
    if (alarm !== undefined) {
      return `ALARM ${alarm}`
    }
    await readOne(shard, serializable)
    return ''
  } catch (error) {
    return `RANGE ERROR:${statusOfFailure(error).message}`
  }
}

/** Throws what is wrong. */
type Check = (shard: ShardClient) => Promise<void>

const checks: Readonly<Record<string, Check>> = {
  data_corruption: async (shard) => {
    if ((await raisedAlarms(shard)).includes('CORRUPT')) {
      throw new Error('alarm activated: CORRUPT')
    }
  },
  serializable_read: (shard) => readOne(shard, true),
  linearizable_read: (shard) => readOne(shard, false),
  // A keyspace has one member, and that is no learner.
  non_learner: () => Promise.resolve(),
}
