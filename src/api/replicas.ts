import * as z from 'zod'
import { keyspaceName } from '../config/keyspace-name.ts'
import { regions } from '../config/region.ts'

const region = z
  .enum(regions)
  .describe('A part of the world, as Cloudflare’s location hints name them.')

/** The path's part that names a replica. */
export const namedReplica = z.object({
  name: keyspaceName.describe('The name of a keyspace.'),
  region,
})

export const newReplica = z.strictObject({ region }).meta({ id: 'NewReplica' })

export const replica = z
  .object({
    region,
    state: z
      .enum(['adding', 'removing', 'unknown', 'current', 'behind', 'asleep', 'unreachable'])
      .describe(
        'A replica that is asleep has no readers, and is told nothing before the next one comes. One is unknown that the leader has not heard of since it came into memory, or where the leader does not answer.',
      ),
    added: z.iso.datetime(),
    memberId: z.string().optional().describe('Its id in the list of members, in hexadecimal.'),
    revision: z.int().optional().describe('The last one that it has acknowledged.'),
    lagRevisions: z.int().optional().describe('How many revisions it has not.'),
  })
  .meta({ id: 'Replica' })

export const keyspaceReplicas = z
  .object({
    leader: z
      .object({
        region: region
          .optional()
          .describe('Missing where the keyspace is led from the place in which it was made.'),
        epoch: z.int().describe('It grows by one with each move.'),
        revision: z.int().optional().describe('Missing where the leader does not answer.'),
      })
      .describe('Who takes the writes.'),
    movesTo: region.optional().describe('A move that is not done yet.'),
    replicas: z.array(replica).describe('In the order of their regions.'),
  })
  .meta({ id: 'KeyspaceReplicas' })

export const wantedLeader = z
  .strictObject({
    region: region
      .optional()
      .describe(
        'Which replica is to lead; where it is forced, by default the one that has the most.',
      ),
    force: z
      .boolean()
      .default(false)
      .describe('Also if the leader does not answer, whose last revisions are lost then.'),
  })
  .refine(({ region: given, force }) => given !== undefined || force, {
    error: 'is needed where it is not forced',
    path: ['region'],
  })
  .meta({ id: 'WantedLeader' })

export const promotedReplica = z
  .object({
    region,
    epoch: z.int(),
    revision: z.int().describe('The last one that is there.'),
    isWhole: z.boolean().describe('Whether the former leader has handed over all that it had.'),
    missing: z
      .int()
      .describe(
        'So many revisions are missing that the former leader is known to have had. If it has not handed over, there may have been more.',
      ),
  })
  .meta({ id: 'PromotedReplica' })
