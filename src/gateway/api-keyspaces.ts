import type * as z from 'zod'
import {
  changedKeyspace,
  describedKeyspace,
  keyspace,
  keyspaceList,
  type keyspaceSnapshots,
  namedKeyspace,
  newKeyspace,
  pageOfKeyspaces,
} from '../api/keyspaces.ts'
import type { KeyspaceEntry, KeyspaceReplicas } from '../directory/directory-rpc.ts'
import type { ReplicationStatus } from '../protocol/shard-rpc.ts'
import { endpoint, type Endpoint } from './api-endpoint.ts'
import { shownReplicas } from './api-replicas.ts'
import { DirectoryClient } from './directory-client.ts'
import { keyspaceAddress } from './keyspace-address.ts'
import { ShardClient } from './shard-client.ts'

const notFound = 'There is no such keyspace.'

/** The keyspaces of the deployment. */
export const keyspaceEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'GET',
    path: '/keyspaces',
    id: 'listKeyspaces',
    summary: 'Lists the keyspaces.',
    query: pageOfKeyspaces,
    success: { status: 200, description: 'A page of them.', schema: keyspaceList },
    handle: async ({ env }, { query: { after = '', limit } }) => {
      // One more tells whether there is a next page.
      const found = await new DirectoryClient(env).read((all) => all.list(after, limit + 1))
      const page = found.slice(0, limit)
      return {
        keyspaces: page.map(shownKeyspace),
        ...(found.length > limit && { next: page.at(-1)?.name }),
      }
    },
  }),
  endpoint({
    method: 'POST',
    path: '/keyspaces',
    id: 'createKeyspace',
    summary: 'Creates a keyspace.',
    body: newKeyspace,
    success: { status: 201, description: 'It is ready.', schema: keyspace },
    refusals: { 409: 'There is a keyspace of that name.' },
    handle: async ({ env }, { body: { name, ...options } }) =>
      shownKeyspace(await new DirectoryClient(env).write((all) => all.create(name, options))),
  }),
  endpoint({
    method: 'GET',
    path: '/keyspaces/{name}',
    id: 'describeKeyspace',
    summary: 'Describes a keyspace.',
    params: namedKeyspace,
    success: {
      status: 200,
      description: 'What it was created with, and how far its snapshots are.',
      schema: describedKeyspace,
    },
    refusals: { 404: notFound },
    handle: async ({ env, visitor }, { params: { name } }) => {
      const entry = await new DirectoryClient(env).read((all) => all.describe(name))
      const described = shownKeyspace(entry)
      if (entry.state !== 'ready') {
        return described
      }
      const shard = new ShardClient(env, await keyspaceAddress(name, env), visitor)
      const replicas = await new DirectoryClient(env).read((all) => all.replicas(name))
      return {
        ...described,
        ...shownSnapshots(await shard.replication()),
        ...(isReplicated(replicas) && shownReplicas(replicas)),
      }
    },
  }),
  endpoint({
    method: 'PATCH',
    path: '/keyspaces/{name}',
    id: 'changeKeyspace',
    summary: 'Changes what may change of a keyspace. It need not start anew.',
    params: namedKeyspace,
    body: changedKeyspace,
    success: { status: 200, description: 'It is so.', schema: keyspace },
    refusals: { 404: notFound },
    handle: async ({ env }, { params: { name }, body: { enableV2 } }) => {
      const changed = { enableV2: enableV2 ?? undefined }
      return shownKeyspace(await new DirectoryClient(env).write((all) => all.change(name, changed)))
    },
  }),
  endpoint({
    method: 'DELETE',
    path: '/keyspaces/{name}',
    id: 'deleteKeyspace',
    summary: 'Deletes a keyspace and all that is in it.',
    params: namedKeyspace,
    success: { status: 204, description: 'It is gone, and its storage is free.' },
    refusals: { 404: notFound },
    handle: async ({ env }, { params: { name } }) => {
      await new DirectoryClient(env).write((all) => all.delete(name))
    },
  }),
]

function shownSnapshots(status: ReplicationStatus): {
  readonly snapshots?: z.output<typeof keyspaceSnapshots>
} {
  const { state, reason, lagSeconds, lagRevisions, revision, epoch, lastSegment, lastFull } = status
  if (state === 'off') {
    return {}
  }
  return {
    snapshots: {
      state,
      ...(reason !== null && { reason }),
      lagSeconds,
      lagRevisions,
      revision,
      epoch,
      ...(lastSegment !== null && { lastSegment: time(lastSegment) }),
      ...(lastFull !== null && { lastFull: { ...lastFull, time: time(lastFull.time) } }),
    },
  }
}

function isReplicated({ epoch, replicas }: KeyspaceReplicas): boolean {
  return epoch > 1 || replicas.length > 0
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}

/** `default` was never created. */
export function shownKeyspace({ name, state, created, options }: KeyspaceEntry) {
  return { name, state, ...(created > 0 && { created: time(created) }), ...options }
}
