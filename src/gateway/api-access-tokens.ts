import {
  accessTokenList,
  administratorTokenList,
  createdAccessToken,
  createdAdministratorToken,
  namedAccessToken,
  namedAdministratorToken,
  newAccessToken,
  newAdministratorToken,
} from '../api/access-tokens.ts'
import { namedKeyspace } from '../api/keyspaces.ts'
import type { AccessToken } from '../door/access-token.ts'
import { statusOf } from '../protocol/status.ts'
import { type ApiRequest, endpoint, type Endpoint } from './api-endpoint.ts'
import { DirectoryClient } from './directory-client.ts'
import { keyspaceAddress } from './keyspace-address.ts'
import { ShardClient } from './shard-client.ts'

const notFound = 'There is no such token.'
const noKeyspace = 'There is no such keyspace.'
const full = 'There are as many tokens as there can be.'

/** Access tokens: those of each keyspace, and the administrators'. */
export const accessTokenEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'GET',
    path: '/keyspaces/{name}/tokens',
    id: 'listAccessTokens',
    summary: 'Lists the access tokens of a keyspace.',
    params: namedKeyspace,
    success: { status: 200, description: 'All but their secrets.', schema: accessTokenList },
    refusals: { 404: noKeyspace },
    handle: async (asked, { params: { name } }) => {
      const shard = await shardOf(asked, name)
      const { tokens } = await shard.ofTokens((all) => all.accessTokens())
      return { tokens: tokens.map(shown) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/keyspaces/{name}/tokens',
    id: 'createAccessToken',
    summary: 'Creates an access token of a keyspace.',
    params: namedKeyspace,
    body: newAccessToken,
    success: { status: 201, description: 'It may be used.', schema: createdAccessToken },
    refusals: { 404: noKeyspace, 429: full },
    handle: async (asked, { params: { name }, body: { ttlSeconds, ...wanted } }) => {
      const shard = await shardOf(asked, name)
      const { token, text } = await shard.ofTokens((all) =>
        all.createAccessToken({ ...wanted, expires: expiry(ttlSeconds) }),
      )
      return { ...shown(token), token: text }
    },
  }),
  endpoint({
    method: 'DELETE',
    path: '/keyspaces/{name}/tokens/{id}',
    id: 'revokeAccessToken',
    summary: 'Revokes an access token of a keyspace.',
    params: namedAccessToken,
    success: { status: 204, description: 'It is of no more use, and what was open by it ended.' },
    refusals: { 404: notFound },
    handle: async (asked, { params: { name, id } }) => {
      const shard = await shardOf(asked, name)
      requireKnown(await shard.ofTokens((all) => all.revokeAccessToken(id)))
    },
  }),
  endpoint({
    method: 'GET',
    path: '/tokens',
    id: 'listAdministratorTokens',
    summary: 'Lists the access tokens of administrators.',
    success: {
      status: 200,
      description: 'All but their secrets; the secret of the deployment is none of them.',
      schema: administratorTokenList,
    },
    handle: async ({ env }) => {
      const { tokens } = await new DirectoryClient(env).read((all) => all.accessTokens())
      return { tokens: tokens.map(shownOfAdministrator) }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/tokens',
    id: 'createAdministratorToken',
    summary: 'Creates the access token of an administrator.',
    body: newAdministratorToken,
    success: { status: 201, description: 'It may be used.', schema: createdAdministratorToken },
    refusals: { 429: full },
    handle: async ({ env }, { body: { description, ttlSeconds } }) => {
      const { token, text } = await new DirectoryClient(env).write((all) =>
        all.createAccessToken({
          description,
          access: 'administrator',
          commonNames: true,
          expires: expiry(ttlSeconds),
        }),
      )
      return { ...shownOfAdministrator(token), token: text }
    },
  }),
  endpoint({
    method: 'DELETE',
    path: '/tokens/{id}',
    id: 'revokeAdministratorToken',
    summary: 'Revokes the access token of an administrator.',
    params: namedAdministratorToken,
    success: { status: 204, description: 'It is of no more use, and what was open by it ended.' },
    refusals: { 404: notFound },
    handle: async ({ env }, { params: { id } }) => {
      requireKnown(await new DirectoryClient(env).write((all) => all.revokeAccessToken(id)))
    },
  }),
]

async function shardOf({ env, visitor }: ApiRequest, name: string): Promise<ShardClient> {
  return new ShardClient(env, await keyspaceAddress(name, env), visitor)
}

function requireKnown({ known }: { readonly known: boolean }): void {
  if (!known) {
    throw statusOf('access-token-not-found')
  }
}

function expiry(ttlSeconds: number | undefined): number | undefined {
  return ttlSeconds === undefined ? undefined : Date.now() + ttlSeconds * 1000
}

function shownOfAdministrator({ id, description, created, expires }: AccessToken) {
  return {
    id,
    description,
    created: new Date(created).toISOString(),
    ...(expires !== undefined && { expires: new Date(expires).toISOString() }),
  }
}

function shown(token: AccessToken) {
  const access = token.access === 'read-only' ? ('read-only' as const) : ('read-write' as const)
  return { ...shownOfAdministrator(token), access, commonNames: token.commonNames }
}
