import * as z from 'zod'
import { keyspaceName } from '../config/keyspace-name.ts'
import { checkKeyspaceOptions, keyspaceOptionFields } from '../config/keyspace-options.ts'

const id = z.uuid().describe('The id of a restore.')

/** The path's parts that name a restore. */
export const namedRestore = z.object({
  name: keyspaceName.describe('The name of the keyspace that is made.'),
  id,
})

export const newRestore = z
  .strictObject(keyspaceOptionFields)
  .superRefine(checkKeyspaceOptions)
  .meta({ id: 'NewRestore', description: 'Options that are missing are the deployment’s own.' })

export const restore = z.object({ id }).meta({ id: 'Restore' })

/** How much longer than any restore may one stay alone whose client says so: it may be tried again. */
export const PATIENCE_SECONDS_MAX = 3_600

export const batchOfEntries = z.strictObject({
  first: z.coerce
    .number()
    .int()
    .min(0)
    .describe('The number of the batch’s first entry among those of the file, from 0 on.'),
  patience: z.coerce
    .number()
    .int()
    .min(0)
    .max(PATIENCE_SECONDS_MAX)
    .default(0)
    .describe('Seconds that no further entry need come, beyond the minute that each restore has.'),
})

export const restoreProgress = z
  .strictObject({
    entries: z.int().min(0).describe('How many have come.'),
    summed: z.boolean().describe('Where not, more of the check is done when it is asked again.'),
  })
  .meta({ id: 'RestoreProgress' })

export const restoreTotal = z
  .strictObject({
    entries: z.int().min(0).describe('How many the file has.'),
    changesSum: z
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .describe('CRC-32C of its changes, each as HashKV sums it.'),
  })
  .meta({ id: 'RestoreTotal' })
