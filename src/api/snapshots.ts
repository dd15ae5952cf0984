import * as z from 'zod'
import { keyspaceName } from '../config/keyspace-name.ts'

/** What a point of an archive is named by: one of the two, or the latest. */
export const pointFields = {
  revision: z.coerce.number().int().min(1).optional().describe('The state at this revision.'),
  time: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('In place of a revision: the state at this time.'),
  generation: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe(
      'When the keyspace was made that is meant, in ms since 1970: an earlier one of the same name. ' +
        'The latest, if it is missing.',
    ),
}

/** A billion is etcdutl's own advice; revisions end with 2^40. */
export const BUMP_REVISION_MAX = 1e11

interface PointGiven {
  readonly revision?: number | undefined
  readonly time?: string | undefined
}

/** What no field says by itself. For `superRefine`. */
export function checkPoint({ revision, time }: PointGiven, context: z.RefinementCtx): void {
  if (revision !== undefined && time !== undefined) {
    const message = 'is given beside a revision'
    context.addIssue({ code: 'custom', path: ['time'], message })
  }
}

export const restoreSource = z
  .strictObject({
    keyspace: keyspaceName.describe('Whose snapshots are read. It need not exist any more.'),
    ...pointFields,
    live: z
      .boolean()
      .default(false)
      .describe(
        'To copy the keyspace itself where the revision is not compacted in it. Leases, users and ' +
          'tokens are then those of now.',
      ),
    bumpRevision: z
      .int()
      .min(1)
      .max(BUMP_REVISION_MAX)
      .optional()
      .describe(
        'By so much the revision is raised behind the state that is restored, and all before that is marked ' +
          'compacted: clients that know later revisions of the keyspace that was there begin anew.',
      ),
  })
  .superRefine(checkPoint)
  .meta({ id: 'RestoreSource' })

export const recoveryProgress = z
  .object({
    state: z.enum(['creating', 'ready']).describe('Where it is `creating`, ask again.'),
    revision: z.int().describe('The last revision that is written.'),
    target: z.int().describe('The one that it ends with.'),
    changes: z.int().describe('How many changes are written.'),
  })
  .meta({ id: 'RecoveryProgress' })

export const ofGeneration = z.strictObject({ generation: pointFields.generation })

const fullSnapshot = z
  .object({
    revision: z.int(),
    time: z.iso.datetime(),
    bytes: z.int(),
    parts: z.int(),
    compactRevision: z.int().describe('Up to where its history is compacted; -1 for nowhere.'),
    epoch: z.int(),
  })
  .meta({ id: 'FullSnapshot' })

/** Revisions each of which can be restored. */
const reach = z
  .object({
    from: z.int(),
    to: z.int().describe('As of the last manifest: there may be more.'),
    since: z.iso.datetime(),
    until: z.iso.datetime(),
    bytes: z.int().describe('Of segments.'),
    epoch: z.int(),
  })
  .meta({ id: 'SnapshotReach', description: 'Revisions and times each of which can be restored.' })

export const snapshotList = z
  .object({
    keyspace: keyspaceName,
    generation: z.int(),
    generations: z.array(z.int()).describe('All that there are, the latest last.'),
    manifest: z.int(),
    written: z.iso.datetime().describe('When the manifest was.'),
    fulls: z.array(fullSnapshot),
    reaches: z.array(reach),
  })
  .meta({ id: 'SnapshotList' })

/** Opaque to the client: what it was given by the step before. */
export const verificationStep = z.strictObject({
  generation: pointFields.generation,
  after: z
    .string()
    .regex(/^[\w-]+(\.[\w-]+)*$/)
    .optional()
    .describe('The `next` of the step before.'),
})

export const verification = z
  .object({
    objects: z.int().describe('How many objects this step has read and found whole.'),
    bytes: z.int(),
    what: z.string().describe('What this step has read.'),
    problem: z.string().optional().describe('What is wrong with what this step has read.'),
    next: z.string().optional().describe('The `after` of the next step, where there is one.'),
  })
  .meta({ id: 'Verification' })

export const pruneRequest = z
  .strictObject({
    dryRun: z.boolean().default(false).describe('To delete nothing.'),
    generation: z.int().min(0).optional(),
  })
  .meta({ id: 'PruneRequest' })

export const pruned = z
  .object({
    objects: z.int().describe('How many are deleted, or would be.'),
    bytes: z.int(),
    fulls: z.array(fullSnapshot).describe('Those that go.'),
  })
  .meta({ id: 'Pruned' })
