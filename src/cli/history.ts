import type * as z from 'zod'
import { differences, keysFound } from '../api/history.ts'
import { ApiClient } from './api-client.ts'
import { Failure } from './failure.ts'
import { parseClientFlags } from './flags.ts'
import { diffTable, getTable } from './history-flags.ts'
import { checkedName } from './keyspace-arguments.ts'
import { timeGiven } from './point-flags.ts'
import type { Environment } from './subcommand.ts'
import { writeOut } from './write-out.ts'

type Version = z.output<typeof keysFound>['kvs'][number]

/** `get`: resolves to what is to be printed. Throws Failure. */
export async function getCommand(
  args: readonly string[],
  environment: Environment,
): Promise<string> {
  const { flags, operands } = parseClientFlags(getTable, args, environment)
  const [key, ...others] = operands
  if (key === undefined || others.length > 0) {
    throw new Failure('get takes one key', 2)
  }
  if (flags.at !== '' && flags.rev !== '') {
    throw new Failure('--at and --rev are two ways to say the same: give one', 2)
  }
  const query = queryOf({
    ...rangeOf(key, flags.prefix),
    revision: flags.rev,
    time: flags.at === '' ? '' : timeGiven(flags.at, Date.now()),
    generation: flags.generation,
  })
  const path = `/keyspaces/${checkedName(flags.keyspace)}/history/keys?${query}`
  const found = await new ApiClient(flags).ask({ method: 'GET', path }, keysFound)
  return writeOut(flags, found, () =>
    found.kvs
      .flatMap((kv) =>
        flags['print-value-only'] ? [textOf(kv.value)] : [textOf(kv.key), textOf(kv.value)],
      )
      .join('\n'),
  )
}

/** `diff`: the same. */
export async function diffCommand(
  args: readonly string[],
  environment: Environment,
): Promise<string> {
  const { flags, operands } = parseClientFlags(diffTable, args, environment)
  const [prefix, ...others] = operands
  if (prefix === undefined || others.length > 0) {
    throw new Failure('diff takes one prefix; "" is that of all keys', 2)
  }
  if (flags.from === '') {
    throw new Failure('diff needs a point to begin with: --from REVISION or --from TIME', 2)
  }
  const [from, to] = [flags.from, flags.to].map(pointIn)
  const query = queryOf({
    ...rangeOf(prefix, true),
    fromRevision: from?.revision,
    fromTime: from?.time,
    toRevision: to?.revision,
    toTime: to?.time,
    generation: flags.generation,
  })
  const path = `/keyspaces/${checkedName(flags.keyspace)}/history/differences?${query}`
  const found = await new ApiClient(flags).ask({ method: 'GET', path }, differences)
  return writeOut(flags, found, () => found.differences.flatMap(differenceLines).join('\n'))
}

/** As diff(1) marks lines: what was, and what is. */
function differenceLines({
  before,
  after,
}: z.output<typeof differences>['differences'][number]): readonly string[] {
  return [...(before ? [`- ${lineOf(before)}`] : []), ...(after ? [`+ ${lineOf(after)}`] : [])]
}

function lineOf({ key, value }: Version): string {
  return `${textOf(key)} ${JSON.stringify(textOf(value))}`
}

function textOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString()
}

function pointIn(text: string): { readonly revision?: string; readonly time?: string } {
  if (text === '') {
    return {}
  }
  return /^\d+$/.test(text) ? { revision: text } : { time: timeGiven(text, Date.now()) }
}

function queryOf(fields: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && value !== '') {
      query.set(name, String(value))
    }
  }
  return query.toString()
}

/** In base64. The first key behind a prefix has its last byte that can grow one higher. */
function rangeOf(
  text: string,
  isPrefix: boolean,
): { readonly key: string; readonly rangeEnd: string } {
  const key = Buffer.from(text === '' ? '\0' : text)
  if (!isPrefix) {
    return { key: key.toString('base64'), rangeEnd: '' }
  }
  const place = text === '' ? -1 : key.findLastIndex((byte) => byte < 0xff)
  const end = place < 0 ? Buffer.of(0) : Buffer.from(key.subarray(0, place + 1))
  if (place >= 0) {
    end[place] = (end[place] ?? 0) + 1
  }
  return { key: key.toString('base64'), rangeEnd: end.toString('base64') }
}
