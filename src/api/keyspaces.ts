import * as z from 'zod'
import { keyspaceName } from '../config/keyspace-name.ts'
import { checkKeyspaceOptions, keyspaceOptionFields } from '../config/keyspace-options.ts'
import { keyspaceReplicas } from './replicas.ts'

/** The path's part that names a keyspace. */
export const namedKeyspace = z.object({
  name: keyspaceName.describe('The name of a keyspace.'),
})

export const newKeyspace = z
  .strictObject({
    name: keyspaceName.describe('How the keyspace will be called.'),
    ...keyspaceOptionFields,
  })
  .superRefine(checkKeyspaceOptions)
  .meta({ id: 'NewKeyspace', description: 'Options that are missing are the deployment’s own.' })

export const changedKeyspace = z
  .strictObject({
    enableV2: keyspaceOptionFields.enableV2
      .unwrap()
      .nullable()
      .describe('Whether etcd’s v2 API is served; null for as the deployment has it.'),
  })
  .meta({ id: 'ChangedKeyspace' })

export const keyspace = z
  .object({
    name: keyspaceName,
    state: z
      .enum(['creating', 'ready', 'deleting'])
      .describe('Only a keyspace that is ready answers calls.'),
    created: z.iso.datetime().optional().describe('Missing for the keyspace `default`.'),
    ...keyspaceOptionFields,
  })
  .meta({ id: 'Keyspace' })

/** How far a keyspace has come in sending snapshots of itself. */
export const keyspaceSnapshots = z
  .object({
    state: z
      .enum(['current', 'behind', 'failing', 'deposed'])
      .describe('A keyspace that is deposed sends nothing any more: another copy of it does.'),
    reason: z.string().optional().describe('Why it is failing or deposed.'),
    lagSeconds: z.number().describe('How long ago the first change came that was not sent.'),
    lagRevisions: z.int().describe('How many revisions were not sent.'),
    revision: z.int().describe('The last revision that was sent.'),
    epoch: z.int().describe('Under which they are sent; 0 before anything was.'),
    lastSegment: z.iso.datetime().optional().describe('When changes were sent last.'),
    lastFull: z
      .object({ revision: z.int(), time: z.iso.datetime(), bytes: z.int() })
      .optional()
      .describe('The last full snapshot: its revision, and when that was the current one.'),
  })
  .meta({ id: 'KeyspaceSnapshots' })

export const describedKeyspace = z
  .object({
    ...keyspace.shape,
    snapshots: keyspaceSnapshots
      .optional()
      .describe('Missing where the deployment has no object store, or the keyspace is not ready.'),
    leader: keyspaceReplicas.shape.leader
      .optional()
      .describe('Missing where it never had a replica.'),
    replicas: keyspaceReplicas.shape.replicas.optional(),
  })
  .meta({ id: 'DescribedKeyspace' })

export const keyspaceList = z
  .object({
    keyspaces: z.array(keyspace).describe('In the order of their names.'),
    next: keyspaceName.optional().describe('The `after` of the next page, where there is one.'),
  })
  .meta({ id: 'KeyspaceList' })

export const pageOfKeyspaces = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe('How many keyspaces to list at most.'),
  after: z.string().optional().describe('List those whose names come after this one.'),
})

export const atRevision = z.strictObject({
  revision: z.coerce.number().int().min(0).default(0).describe('0 is the current one.'),
})

export const keyspaceSums = z
  .strictObject({
    revision: z.int().describe('The current one.'),
    hash: z.int().describe('HashKV at the revision that was asked for.'),
    compactRevision: z.int().describe('Up to where the history is compacted; -1 for nowhere.'),
    leases: z.int(),
    authEnabled: z.boolean(),
    authRevision: z.int(),
  })
  .meta({ id: 'KeyspaceSums' })
