import * as z from 'zod'
import { checkPoint, pointFields } from './snapshots.ts'

const base64 = z.string().describe('Bytes, in base64.')

/** A range of keys as etcd has it. */
const rangeFields = {
  key: z.base64().min(1).describe('The key, or the first one of the range, in base64.'),
  rangeEnd: z
    .base64()
    .optional()
    .describe('The first key behind the range, in base64; a zero byte for no end.'),
}

export const keysAt = z.strictObject({ ...rangeFields, ...pointFields }).superRefine(checkPoint)

const version = z
  .object({
    key: base64,
    value: base64,
    createRevision: z.int(),
    modRevision: z.int(),
    version: z.int(),
    lease: z.string().describe('Its id in decimal; 0 for none.'),
  })
  .meta({ id: 'KeyVersion' })

export const keysFound = z
  .object({
    revision: z.int().describe('That of the state.'),
    from: z.enum(['keyspace', 'archive']).describe('Where it was read.'),
    kvs: z.array(version).describe('In the order of their keys.'),
  })
  .meta({ id: 'KeysFound' })

export const differencesBetween = z
  .strictObject({
    ...rangeFields,
    fromRevision: pointFields.revision,
    fromTime: pointFields.time,
    toRevision: pointFields.revision,
    toTime: pointFields.time,
    generation: pointFields.generation,
  })
  .superRefine(({ fromRevision, fromTime, toRevision, toTime }, context) => {
    checkPoint({ revision: fromRevision, time: fromTime }, context)
    checkPoint({ revision: toRevision, time: toTime }, context)
  })

export const differences = z
  .object({
    fromRevision: z.int(),
    toRevision: z.int(),
    differences: z
      .array(z.object({ before: version.optional(), after: version.optional() }))
      .describe('In the order of keys. Without `before` it was created, without `after` deleted.'),
  })
  .meta({ id: 'Differences' })
