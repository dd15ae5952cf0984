import * as z from 'zod'
import type { Settings } from '../config/settings.ts'
import {
  AlarmRequest,
  type AlarmResponse,
  AlarmType,
  RangeRequest,
} from '../protocol/generated/messages.ts'
import { create } from '../protocol/message-type.ts'
import type { HealthCheck, ReplicationStatus } from '../protocol/shard-rpc.ts'
import { Code, type RpcStatus, statusOf } from '../protocol/status.ts'
import { statusOfFailure } from './failure.ts'
import { textResponse } from './refusal.ts'
import type { ResponsePage, ShardClient } from './shard-client.ts'

/** A replica that is further behind is worth a word. */
const LAG_MS_MAX = 10_000

/** A keyspace that does not answer for so long is not ready; one may just be moving to another node. */
const ANSWER_MS_MAX = 5_000
/** That a check is counted is worth less. */
const TOLD_MS_MAX = 1_000

/** Rejects with etcd's timeout where the answer is late. */
async function inTime<T>(ms: number, ask: () => Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(statusOf('timeout')), ms)
  try {
    return await Promise.race([ask(), late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** The options of a query, each as often as it is given. What etcd does not know it ignores. */
export type Query = Readonly<Record<string, readonly string[]>>

const options = z.object({
  /** Alarms of /health, checks of the others, that shall not count. */
  exclude: z
    .array(z.string())
    .default([])
    .transform((names) => new Set(names)),
  serializable: z
    .array(z.string())
    .default([])
    .transform(([first]) => first === 'true'),
  /** It is on whenever it is there, even as `verbose=false`. */
  verbose: z
    .array(z.string())
    .optional()
    .transform((values) => values !== undefined),
})

/** What is asked how it is: a keyspace, and the machine under it where that tells of its disk. */
interface Asked {
  readonly shard: ShardClient
  readonly settings: Pick<Settings, 'cluster'>
  readonly env: Pick<Env, 'HOST'>
}

/** GET /health: alarms first, then a read. */
export async function healthResponse(asked: Asked, query: Query): Promise<Response> {
  const { exclude, serializable } = options.parse(query)
  const reason = await healthProblem(asked, exclude, serializable)
  await told(asked.shard, [{ type: 'health', status: reason === '' ? 'success' : 'error' }])
  const body = JSON.stringify({ health: reason === '' ? 'true' : 'false', reason })
  return reason === ''
    ? new Response(body, { headers: { 'Content-Type': 'text/plain; charset=utf-8' } })
    : textResponse(503, body)
}

/** Whether the metrics hear of it changes nothing about the answer. */
async function told(shard: ShardClient, checked: readonly HealthCheck[]): Promise<void> {
  try {
    await inTime(TOLD_MS_MAX, () => shard.checked(checked))
  } catch (error) {
    statusOfFailure(error)
  }
}

async function healthProblem(
  { shard, env }: Asked,
  exclude: ReadonlySet<string>,
  serializable: boolean,
): Promise<string> {
  try {
    const alarms = await raisedAlarms(shard)
    // A shard that nobody writes to has not looked at the disk.
    const all = (await isDiskFull(env)) ? [...alarms, 'NOSPACE'] : alarms
    const alarm = all.find((name) => !exclude.has(name))
    if (alarm !== undefined) {
      return `ALARM ${alarm}`
    }
    await readOne(shard, serializable)
    return ''
  } catch (error) {
    return `RANGE ERROR:${problemOf(error).message}`
  }
}

/** What keeps the keyspace from answering; throws on that it does not answer this visitor. */
function problemOf(error: unknown): RpcStatus {
  const status = statusOfFailure(error)
  if (status.code === Code.UNAUTHENTICATED) {
    throw status
  }
  return status
}

/** Answers what is wrong, if anything is. */
type Check = (asked: Asked) => Promise<string | undefined>

const readCheck =
  (serializable: boolean): Check =>
  async ({ shard, settings }) => {
    // What etcd reads of a member's own copy says that the member lives. Here a node has no such copy.
    if (serializable && settings.cluster !== undefined) {
      return undefined
    }
    try {
      await readOne(shard, serializable)
      return undefined
    } catch (error) {
      return `range error: ${problemOf(error).message}`
    }
  }

const checks = {
  data_corruption: async ({ shard }) =>
    (await raisedAlarms(shard)).includes('CORRUPT') ? 'alarm activated: CORRUPT' : undefined,
  serializable_read: readCheck(true),
  linearizable_read: readCheck(false),
  // A keyspace has one member, and that is no learner.
  non_learner: () => Promise.resolve(undefined),
  disk_space: async ({ env }) => ((await isDiskFull(env)) ? 'the disk is full' : undefined),
  snapshots: async ({ shard }) => {
    try {
      return snapshotProblem(await inTime(ANSWER_MS_MAX, () => shard.replication()))
    } catch (error) {
      return problemOf(error).message
    }
  },
} satisfies Record<string, Check>

type CheckName = keyof typeof checks

/** Among others they are named only where they fail, since etcd has no such checks. */
const OWN_CHECKS: ReadonlySet<CheckName> = new Set<CheckName>(['disk_space', 'snapshots'])

/**
 * Among others it is said and fails nothing: a keyspace whose snapshots are late serves as well as ever, and
 * to take it out of service would help nobody.
 */
const ADVICE: CheckName = 'snapshots'

const probes = {
  livez: ['serializable_read'],
  readyz: [
    'data_corruption',
    'serializable_read',
    'linearizable_read',
    'non_learner',
    'disk_space',
    'snapshots',
  ],
} as const satisfies Record<string, readonly CheckName[]>

interface Probe {
  readonly type: string
  readonly checks: readonly CheckName[]
  /** A check that has a path of its own is run there even when the query excludes it. */
  readonly excludable: boolean
}

/** The paths of /livez and /readyz and of their checks. */
export const probePaths: ReadonlyMap<string, Probe> = new Map(
  Object.entries(probes).flatMap(([probe, checkNames]): [string, Probe][] => [
    [`/${probe}`, { type: probe, checks: checkNames, excludable: true }],
    ...checkNames.map((name): [string, Probe] => [
      `/${probe}/${name}`,
      { type: probe, checks: [name], excludable: false },
    ]),
  ]),
)

/** GET of a path of `probePaths`. */
export async function probeResponse(asked: Asked, probe: Probe, query: Query): Promise<Response> {
  const { exclude, verbose } = options.parse(query)
  const run = probe.checks.filter((name) => !(probe.excludable && exclude.has(name)))
  const isAdvice = (name: CheckName): boolean => name === ADVICE && probe.excludable
  const problems = await Promise.all(run.map((name) => checks[name](asked)))
  await told(
    asked.shard,
    run.map((name, index) => ({
      type: probe.type,
      name,
      status: problems[index] === undefined ? 'success' : 'error',
    })),
  )
  const lines = run.map((name, index) => {
    const problem = problems[index]
    if (problem === undefined) {
      return OWN_CHECKS.has(name) && probe.excludable ? '' : `[+]${name} ok\n`
    }
    return `[${isAdvice(name) ? '!' : '-'}]${name} failed: ${problem}\n`
  })
  if (run.some((name, index) => problems[index] !== undefined && !isAdvice(name))) {
    return textResponse(503, lines.join(''))
  }
  if (!verbose) {
    return textResponse(200, 'ok')
  }
  const replica = probe.excludable ? await replicaLine(asked.shard) : ''
  return textResponse(200, `${lines.join('')}${replica}ok`)
}

/** Which replica answers, and how far it is behind; that it is far fails nothing. */
async function replicaLine(shard: ShardClient): Promise<string> {
  if (shard.place === undefined) {
    return ''
  }
  const { replica } = await readOne(shard, true)
  if (replica === undefined) {
    return ''
  }
  const { region, lagRevisions, lagMs } = replica
  const behind = `${region}, ${lagRevisions} revisions and ${lagMs} ms behind the leader`
  return lagMs > LAG_MS_MAX ? `[!]replica failed: ${behind}\n` : `[+]replica ok: ${behind}\n`
}

function snapshotProblem(status: ReplicationStatus): string | undefined {
  const { state, reason, lagSeconds, lagRevisions } = status
  if (state === 'off' || state === 'current') {
    return undefined
  }
  const revisions = lagRevisions === 1 ? '1 revision' : `${lagRevisions} revisions`
  const behind = `${revisions} and ${Math.round(lagSeconds)} s behind`
  return reason === null ? behind : `${behind}: ${reason}`
}

async function isDiskFull({ HOST }: Asked['env']): Promise<boolean> {
  const response = await HOST?.fetch('http://host/room')
  return response !== undefined && (await response.json<{ readonly room: number }>()).room <= 0
}

async function raisedAlarms(shard: ShardClient): Promise<readonly string[]> {
  const { response } = await inTime(ANSWER_MS_MAX, () =>
    shard.call('/etcdserverpb.Maintenance/Alarm', AlarmRequest.empty(), { asServer: true }),
  )
  const { alarms } = response as AlarmResponse
  return alarms.map(({ alarm }) => alarmNames.get(alarm) ?? 'UNKNOWN')
}

const alarmNames = new Map<number, string>(
  Object.entries(AlarmType).map(([name, number]) => [number, name]),
)

/** The cheapest range: one key of whatever there is, without its value. */
async function readOne(shard: ShardClient, serializable: boolean): Promise<ResponsePage> {
  const all = new Uint8Array(1)
  const request = create(RangeRequest, {
    key: all,
    rangeEnd: all,
    limit: 1,
    keysOnly: true,
    serializable,
  })
  return inTime(ANSWER_MS_MAX, () =>
    shard.call('/etcdserverpb.KV/Range', request, { asServer: true }),
  )
}
