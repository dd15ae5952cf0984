import * as z from 'zod'
import { describedKeyspace, keyspace, keyspaceList } from '../api/keyspaces.ts'
import { ApiClient } from './api-client.ts'
import {
  clientTable,
  keyspaceCreateTable,
  type KeyspaceFlags,
  keyspaceUpdateTable,
} from './client-flag-table.ts'
import { Failure } from './failure.ts'
import { parseClientFlags } from './flags.ts'
import { onlyName } from './keyspace-arguments.ts'
import { replicaCommand } from './keyspace-replica.ts'
import { forkTable, keyspaceFrom, pointGiven } from './point-flags.ts'
import { restoreFrom } from './restore-from.ts'
import { type Environment, subcommands } from './subcommand.ts'
import { columns, writeOut } from './write-out.ts'

type Keyspace = z.output<typeof keyspace>

/** `keyspace create|list|describe|update|fork|delete|replica`: resolves to what is to be printed. Throws Failure. */
export const keyspaceCommand = subcommands('keyspace', {
  create,
  list,
  describe,
  update,
  fork,
  delete: remove,
  replica: replicaCommand,
})

async function create(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(keyspaceCreateTable, args, environment)
  const body = { name: onlyName('create', operands), ...optionsGiven(flags) }
  const request = { method: 'POST', path: '/keyspaces', body } as const
  const created = await new ApiClient(flags).ask(request, keyspace)
  return writeOut(flags, created, () => `Keyspace ${created.name} created`)
}

/** Those of a new keyspace, as the API has them: none that no flag says. */
export function optionsGiven(flags: KeyspaceFlags): object {
  const given = {
    quotaBackendBytes: flags['quota-backend-bytes'],
    autoCompactionMode: flags['auto-compaction-mode'],
    autoCompactionRetention: flags['auto-compaction-retention'],
    enableV2: flags['enable-v2'],
    locationHint: flags['location-hint'],
    jurisdiction: flags.jurisdiction,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
}

async function list(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(clientTable, args, environment)
  if (operands.length > 0) {
    throw new Failure('keyspace list takes no arguments', 2)
  }
  const api = new ApiClient(flags)
  const keyspaces: Keyspace[] = []
  for (let after: string | undefined = ''; after !== undefined;) {
    const path: string = `/keyspaces?limit=1000&after=${after}`
    const page: z.output<typeof keyspaceList> = await api.ask({ method: 'GET', path }, keyspaceList)
    keyspaces.push(...page.keyspaces)
    after = page.next
  }
  return writeOut(flags, { keyspaces }, () =>
    columns(keyspaces.map(({ name, state, created = '' }) => [name, state, created])),
  )
}

async function describe(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(clientTable, args, environment)
  const path = `/keyspaces/${onlyName('describe', operands)}`
  const described = await new ApiClient(flags).ask({ method: 'GET', path }, describedKeyspace)
  return writeOut(flags, described, () => columns(fieldsOf(described)))
}

/** A line for each field, of one within another with both names. */
function fieldsOf(value: object, prefix = ''): readonly (readonly string[])[] {
  return Object.entries(value).flatMap(([field, content]: [string, unknown]) =>
    typeof content === 'object' && content !== null
      ? fieldsOf(content, `${prefix}${field}.`)
      : [[`${prefix}${field}:`, String(content)]],
  )
}

/** Of a keyspace that serves on meanwhile. */
async function update(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(keyspaceUpdateTable, args, environment)
  const name = onlyName('update', operands)
  const given = flags['enable-v2']
  if (given === '') {
    throw new Failure('keyspace update takes what is to change: --enable-v2', 2)
  }
  const body = { enableV2: given === 'default' ? null : given }
  const request = { method: 'PATCH', path: `/keyspaces/${name}`, body } as const
  const changed = await new ApiClient(flags).ask(request, keyspace)
  return writeOut(flags, changed, () => `Keyspace ${name} updated`)
}

/** Of the keyspace itself where it still has the revision, else of its snapshots. */
async function fork(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(forkTable, args, environment)
  const name = onlyName('fork', operands)
  const source = {
    keyspace: keyspaceFrom('keyspace fork', flags),
    ...pointGiven(flags),
    ...(flags.generation === '' ? { live: true } : { generation: flags.generation }),
  }
  const api = new ApiClient(flags)
  const forked = await restoreFrom(api, { name, options: optionsGiven(flags) }, source)
  return writeOut(flags, forked, () => `Keyspace ${name} forked from ${source.keyspace}`)
}

async function remove(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(clientTable, args, environment)
  const name = onlyName('delete', operands)
  await new ApiClient(flags).ask({ method: 'DELETE', path: `/keyspaces/${name}` }, z.undefined())
  return writeOut(flags, { name }, () => `Keyspace ${name} deleted`)
}
