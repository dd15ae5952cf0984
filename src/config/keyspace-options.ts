import * as z from 'zod'
import { parseAutoCompaction } from './auto-compaction.ts'

/** https://developers.cloudflare.com/durable-objects/reference/data-location/ */
export const jurisdictions = ['eu', 'fedramp', 'fedramp-high', 'us'] as const
export const locationHints = [
  'wnam',
  'enam',
  'sam',
  'weur',
  'eeur',
  'apac',
  'apac-ne',
  'apac-se',
  'oc',
  'afr',
  'me',
] as const

/** What a Durable Object holds, less what it takes to free space again (maintenance/quota.ts). */
const QUOTA_BYTES_MAX = 9_500_000_000

/** Where an object and its data have to stay. It is part of the object's identity. */
export type Jurisdiction = (typeof jurisdictions)[number]

/** What a keyspace is given when it is made; what is missing is as the deployment has it. */
export interface KeyspaceOptions {
  readonly quotaBackendBytes?: number | undefined
  readonly autoCompactionMode?: 'periodic' | 'revision' | undefined
  readonly autoCompactionRetention?: string | undefined
  /** Whether etcd's v2 API is served. */
  readonly enableV2?: boolean | undefined
  /** Near whom the object is made. Cloudflare takes it as a wish. */
  readonly locationHint?: (typeof locationHints)[number] | undefined
  readonly jurisdiction?: Jurisdiction | undefined
}

/** The fields of `KeyspaceOptions`, each by itself. */
export const keyspaceOptionFields = {
  quotaBackendBytes: z
    .int()
    .min(1)
    .max(QUOTA_BYTES_MAX)
    .optional()
    .describe('Size in bytes past which the keyspace raises the NOSPACE alarm.'),
  autoCompactionMode: z
    .enum(['periodic', 'revision'])
    .optional()
    .describe(
      'How to read autoCompactionRetention: a duration, which is the default, or revisions.',
    ),
  autoCompactionRetention: z
    .string()
    .optional()
    .describe('How much history to keep: hours, a duration such as 5m, or revisions; 0 for all.'),
  enableV2: z.boolean().optional().describe('Whether etcd’s v2 API is served.'),
  locationHint: z
    .enum(locationHints)
    .optional()
    .describe('The part of the world where the keyspace is made, if Cloudflare can.'),
  jurisdiction: z
    .enum(jurisdictions)
    .optional()
    .describe('Where the keyspace and its data have to stay.'),
} satisfies { readonly [Field in keyof KeyspaceOptions]-?: z.ZodType<KeyspaceOptions[Field]> }

/** What no field says by itself. For `superRefine`. */
export function checkKeyspaceOptions(options: KeyspaceOptions, context: z.RefinementCtx): void {
  const { autoCompactionMode, autoCompactionRetention } = options
  if (autoCompactionRetention === undefined) {
    if (autoCompactionMode !== undefined) {
      const message = 'is needed where autoCompactionMode is given'
      context.addIssue({ code: 'custom', path: ['autoCompactionRetention'], message })
    }
    return
  }
  const mode = autoCompactionMode ?? 'periodic'
  if (parseAutoCompaction(mode, autoCompactionRetention) === 'invalid') {
    const message = `must be ${mode === 'periodic' ? 'hours or a duration' : 'a number of revisions'}`
    context.addIssue({ code: 'custom', path: ['autoCompactionRetention'], message })
  }
}
