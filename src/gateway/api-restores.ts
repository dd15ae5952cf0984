import { keyspace, namedKeyspace } from '../api/keyspaces.ts'
import {
  batchOfEntries,
  namedRestore,
  newRestore,
  restore,
  restoreProgress,
  restoreTotal,
} from '../api/restores.ts'
import { BATCH_BYTES_MAX } from '../etcd-file/entry-batch.ts'
import { endpoint, type Endpoint } from './api-endpoint.ts'
import { shownKeyspace } from './api-keyspaces.ts'
import { DirectoryClient } from './directory-client.ts'
import { ShardClient } from './shard-client.ts'

const notFound = 'There is no such restore, or not any more.'

/**
 * Keyspaces that are made from files of etcd's. A file is sent in many requests, because Cloudflare takes
 * no long one. Until the last of them is answered there is no keyspace.
 */
export const restoreEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'POST',
    path: '/keyspaces/{name}/restores',
    id: 'beginRestore',
    summary: 'Begins to make a keyspace from a file of etcd’s.',
    params: namedKeyspace,
    body: newRestore,
    success: {
      status: 201,
      description: 'Its entries may come. One that gets none for a minute is given up.',
      schema: restore,
    },
    refusals: { 409: 'There is a keyspace of that name.' },
    handle: async ({ env }, { params: { name }, body }) =>
      new DirectoryClient(env).write((all) => all.beginRestore(name, body)),
  }),
  endpoint({
    method: 'POST',
    path: '/keyspaces/{name}/restores/{id}/entries',
    id: 'restoreEntries',
    summary: 'Sends entries of the file, in their order. Those that have come may come again.',
    params: namedRestore,
    query: batchOfEntries,
    bytes: {
      description:
        'Of each entry its bucket (1 byte: 0 for meta, 1 cluster, 2 alarm, 3 auth, 4 authRoles, ' +
        '5 authUsers, 6 lease, 7 key), the lengths of key and value (4 bytes each, big-endian), ' +
        'the key and the value. An entry of 8 is empty: all that came of 1 to 6 counts no more, and comes ' +
        'again behind it.',
      lengthMax: BATCH_BYTES_MAX,
    },
    success: { status: 204, description: 'They are stored.' },
    refusals: { 404: notFound },
    handle: async ({ env, visitor }, { params: { name, id }, query, bytes }) => {
      const address = await new DirectoryClient(env).read((all) => all.findRestore(name, id))
      const batch = { ...query, entries: bytes }
      await new ShardClient(env, address, visitor).restoreEntries(id, batch)
    },
  }),
  endpoint({
    method: 'GET',
    path: '/keyspaces/{name}/restores/{id}',
    id: 'restoreProgress',
    summary: 'Tells how far a restore is, and does some of what its end has to check.',
    params: namedRestore,
    success: { status: 200, description: 'What has come.', schema: restoreProgress },
    refusals: { 404: notFound },
    handle: async ({ env, visitor }, { params: { name, id } }) => {
      const address = await new DirectoryClient(env).read((all) => all.findRestore(name, id))
      return new ShardClient(env, address, visitor).restoreProgress(id)
    },
  }),
  endpoint({
    method: 'POST',
    path: '/keyspaces/{name}/restores/{id}/commit',
    id: 'commitRestore',
    summary: 'Ends a restore: checks what has come, and makes it a keyspace.',
    params: namedRestore,
    body: restoreTotal,
    success: {
      status: 200,
      description: 'Where the state is `creating`, the check goes on when it is asked for again.',
      schema: keyspace,
    },
    refusals: { 404: notFound, 500: 'What has come is not what the file has.' },
    handle: async ({ env }, { params: { name, id }, body }) =>
      shownKeyspace(
        await new DirectoryClient(env).write((all) => all.commitRestore(name, id, body)),
      ),
  }),
  endpoint({
    method: 'DELETE',
    path: '/keyspaces/{name}/restores/{id}',
    id: 'cancelRestore',
    summary: 'Gives a restore up.',
    params: namedRestore,
    success: { status: 204, description: 'Nothing of it is left.' },
    refusals: { 404: notFound },
    handle: async ({ env }, { params: { name, id } }) => {
      await new DirectoryClient(env).write((all) => all.cancelRestore(name, id))
    },
  }),
]
