import type * as z from 'zod'
import { namedKeyspace } from '../api/keyspaces.ts'
import {
  keyspaceReplicas,
  namedReplica,
  newReplica,
  promotedReplica,
  type replica,
  replica as replicaSchema,
  wantedLeader,
} from '../api/replicas.ts'
import type { KeyspaceReplicas } from '../directory/directory-rpc.ts'
import { endpoint, type Endpoint } from './api-endpoint.ts'
import { DirectoryClient } from './directory-client.ts'

type ShownReplica = z.input<typeof replica>
type KnownReplica = KeyspaceReplicas['replicas'][number]

const noKeyspace = 'There is no such keyspace.'
const noReplica = 'There is no such keyspace, or it has no replica there.'
const leads = 'The keyspace is led from there.'
const unreached = 'The leader or a replica was not reached; what was begun goes on by itself.'

/** Replicas of keyspaces, and who leads. */
export const replicaEndpoints: readonly Endpoint[] = [
  endpoint({
    method: 'GET',
    path: '/keyspaces/{name}/replicas',
    id: 'listReplicas',
    summary: 'Lists the replicas of a keyspace, and says who leads it.',
    params: namedKeyspace,
    success: { status: 200, description: 'All of them.', schema: keyspaceReplicas },
    refusals: { 404: noKeyspace },
    handle: async ({ env }, { params: { name } }) =>
      shownReplicas(await new DirectoryClient(env).read((all) => all.replicas(name))),
  }),
  endpoint({
    method: 'POST',
    path: '/keyspaces/{name}/replicas',
    id: 'addReplica',
    summary: 'Makes a replica of a keyspace in another region.',
    params: namedKeyspace,
    body: newReplica,
    success: { status: 201, description: 'It is there, and copies.', schema: replicaSchema },
    refusals: {
      400: leads,
      404: noKeyspace,
      409: 'There is a replica already.',
      503: unreached,
    },
    handle: async ({ env }, { params: { name }, body }) => {
      const added = await new DirectoryClient(env).write((all) => all.addReplica(name, body.region))
      return shownReplica({ ...added, status: undefined })
    },
  }),
  endpoint({
    method: 'DELETE',
    path: '/keyspaces/{name}/replicas/{region}',
    id: 'removeReplica',
    summary: 'Removes a replica of a keyspace.',
    params: namedReplica,
    success: { status: 204, description: 'It is gone, and its storage is free.' },
    refusals: { 400: leads, 404: noReplica, 503: unreached },
    handle: async ({ env }, { params: { name, region } }) => {
      await new DirectoryClient(env).write((all) => all.removeReplica(name, region))
    },
  }),
  endpoint({
    method: 'POST',
    path: '/keyspaces/{name}/leader',
    id: 'promoteReplica',
    summary: 'Makes a replica the leader of its keyspace.',
    params: namedKeyspace,
    body: wantedLeader,
    success: { status: 200, description: 'It leads.', schema: promotedReplica },
    refusals: {
      400: 'It leads already, has not got all of the keyspace yet, or would lose data.',
      404: noReplica,
      503: unreached,
    },
    handle: ({ env }, { params: { name }, body: { region, force } }) =>
      new DirectoryClient(env).write((all) => all.promote(name, { region, force })),
  }),
]

/** What the leader says of one that serves; what the directory does to one that does not. */
function shownReplica({ region, state, added, status }: KnownReplica): ShownReplica {
  const isServing = state === 'ready' || state === 'untold'
  return {
    region,
    state: isServing ? (status?.state ?? 'unknown') : state,
    added: new Date(added).toISOString(),
    ...(status !== undefined && {
      memberId: BigInt(status.memberId).toString(16),
      revision: status.revision,
      lagRevisions: status.lagRevisions,
    }),
  }
}

export function shownReplicas({
  leader,
  epoch,
  revision,
  successor,
  replicas,
}: KeyspaceReplicas): z.input<typeof keyspaceReplicas> {
  return {
    leader: {
      ...(leader !== undefined && { region: leader }),
      epoch,
      ...(revision !== undefined && { revision }),
    },
    ...(successor !== undefined && { movesTo: successor }),
    replicas: replicas.map(shownReplica),
  }
}
