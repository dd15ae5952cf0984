import * as z from 'zod'
import {
  type accessToken,
  accessTokenList,
  type administratorToken,
  administratorTokenList,
  createdAccessToken,
  createdAdministratorToken,
} from '../api/access-tokens.ts'
import { keyspaceName } from '../config/keyspace-name.ts'
import { ApiClient } from './api-client.ts'
import { tokenCreateTable, tokenTable } from './client-flag-table.ts'
import { Failure } from './failure.ts'
import type { FlagsOf } from './flag-spec.ts'
import { parseClientFlags } from './flags.ts'
import { type Environment, subcommands } from './subcommand.ts'
import { columns, writeOut } from './write-out.ts'

/** `token create|list|revoke`: resolves to what is to be printed. Throws Failure. */
export const tokenCommand = subcommands('token', { create, list, revoke })

/** Prints the token and nothing else, so that it can go straight into a file. */
async function create(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(tokenCreateTable, args, environment)
  requireOperands('create', operands, 0)
  const ofKeyspace = flags.keyspace !== ''
  if (!ofKeyspace && (flags['read-only'] || flags['common-names'])) {
    throw new Failure('--read-only and --common-names need --keyspace: an administrator may all', 2)
  }
  const body = {
    description: flags.description,
    ...(flags.ttl !== '' && { ttlSeconds: Math.ceil(flags.ttl / 1000) }),
    ...(ofKeyspace && {
      access: flags['read-only'] ? 'read-only' : 'read-write',
      commonNames: flags['common-names'],
    }),
  }
  const created = await new ApiClient(flags).ask(
    { method: 'POST', path: pathOf(flags), body },
    ofKeyspace ? createdAccessToken : createdAdministratorToken,
  )
  return writeOut(flags, created, () => created.token)
}

async function list(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(tokenTable, args, environment)
  requireOperands('list', operands, 0)
  const schema = flags.keyspace === '' ? administratorTokenList : accessTokenList
  const answer = await new ApiClient(flags).ask({ method: 'GET', path: pathOf(flags) }, schema)
  return writeOut(flags, answer, () => columns(answer.tokens.map(line)))
}

function line(token: z.output<typeof accessToken> | z.output<typeof administratorToken>) {
  const access = 'access' in token ? token.access : 'administrator'
  const names = 'commonNames' in token && token.commonNames ? '+common-names' : ''
  const until = token.expires === undefined ? 'never expires' : `expires ${token.expires}`
  return [token.id, `${access}${names}`, token.created, until, token.description]
}

async function revoke(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(tokenTable, args, environment)
  requireOperands('revoke', operands, 1)
  const [id = ''] = operands
  if (!/^[\da-f]{16}$/.test(id)) {
    throw new Failure('token revoke takes the id of a token: 16 digits, as token list shows it', 2)
  }
  const path = `${pathOf(flags)}/${id}`
  await new ApiClient(flags).ask({ method: 'DELETE', path }, z.undefined())
  return writeOut(flags, { id }, () => `Token ${id} revoked`)
}

function pathOf({ keyspace }: Pick<FlagsOf<typeof tokenTable>, 'keyspace'>): string {
  if (keyspace === '') {
    return '/tokens'
  }
  const problem = keyspaceName.safeParse(keyspace).error?.issues[0]?.message
  if (problem !== undefined) {
    throw new Failure(`invalid keyspace name "${keyspace}": ${problem}`, 2)
  }
  return `/keyspaces/${keyspace}/tokens`
}

function requireOperands(command: string, operands: readonly string[], count: number): void {
  if (operands.length !== count) {
    const wanted = count === 0 ? 'no arguments' : 'the id of one token'
    throw new Failure(`token ${command} takes ${wanted}`, 2)
  }
}
