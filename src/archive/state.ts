import * as z from 'zod'
import { decodeBatch, encodeBatch } from '../etcd-file/entry-batch.ts'
import type { BucketEntry } from '../etcd-file/etcd-file.ts'
import { FileProblem } from '../etcd-file/file-problem.ts'
import type { Revision } from '../mvcc/types.ts'
import { ArchiveDamage } from './archive-damage.ts'
import { jsonIn, jsonSection, type Section, section } from './container.ts'
import { type ArchivedRows, ROWS } from './v2-rows.ts'

/**
 * What became of a lease: the store's revision right after it, the lease's id in decimal, and the TTL in
 * seconds that it was granted; null where it is gone.
 */
export type LeaseChange = readonly [revision: Revision, id: string, ttl: number | null]

/** An access token of the keyspace: its hash is 64 hexadecimal digits, times are in ms since 1970. */
interface ArchivedToken {
  readonly id: string
  readonly hash: string
  readonly access: string
  readonly commonNames: boolean
  readonly description: string
  readonly created: number
  readonly expires: number | null
}

/** What the keyspace was made with, as `Creation` has it; null, or not there, is the deployment's own. */
export interface ArchivedOptions {
  readonly quotaBackendBytes: number | null
  readonly autoCompactionMode: 'periodic' | 'revision' | null
  readonly autoCompactionRetention: string | null
  /** It may change. */
  readonly enableV2?: boolean | undefined
}

/** A member by its id in decimal. None but the keyspace's own ever starts. */
interface ArchivedMember {
  readonly id: string
  readonly peerUrls: readonly string[]
  readonly learner: boolean
  /** The keyspace itself; archives that are older do not say it. */
  readonly own?: boolean | undefined
}

/**
 * What a keyspace has beside its log. In a full all of it is there; in a segment what has changed since
 * the one before, of which each field replaces what was there. Leases are a journal, which goes on.
 */
export interface ArchivedState {
  /** In the order of what happened. `complete` leaves no other lease: all that live are in it. */
  readonly leases?: { readonly complete: boolean; readonly journal: readonly LeaseChange[] }
  /** The buckets auth, authRoles and authUsers of etcd's file. */
  readonly auth?: readonly BucketEntry[]
  /** Its buckets alarm and cluster: alarms and a downgrade. */
  readonly maintenance?: readonly BucketEntry[]
  readonly tokens?: readonly ArchivedToken[]
  readonly options?: ArchivedOptions
  /** Those of the cluster, the keyspace's own too. */
  readonly members?: readonly ArchivedMember[]
  /**
   * Of the v2 store what has changed, and in a full all of it, of which each part has some. An archive that was written
   * before there was such a field has none, nor has a keyspace whose v2 store was never written to.
   */
  readonly v2?: ArchivedRows
}

const leases = z.object({
  complete: z.boolean(),
  journal: z.array(z.tuple([z.int().min(0), z.string().regex(/^-?\d+$/), z.int().nullable()])),
})

const tokens = z.array(
  z.object({
    id: z.string(),
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    access: z.string(),
    commonNames: z.boolean(),
    description: z.string(),
    created: z.int(),
    expires: z.int().nullable(),
  }),
)

const options = z.object({
  quotaBackendBytes: z.int().nullable(),
  autoCompactionMode: z.enum(['periodic', 'revision']).nullable(),
  autoCompactionRetention: z.string().nullable(),
  enableV2: z.boolean().optional(),
})

const v2 = z.object({ from: z.int().min(0).nullable(), to: z.int().min(0) })

const members = z.array(
  z.object({
    id: z.string().regex(/^\d+$/),
    peerUrls: z.array(z.string()),
    learner: z.boolean(),
    own: z.boolean().optional(),
  }),
)

/** One section for each field that is there. */
export function encodeState(state: ArchivedState): readonly Section[] {
  const json = [
    ['leases', state.leases],
    ['tokens', state.tokens],
    ['options', state.options],
    ['members', state.members],
  ] as const
  const batches = [
    ['auth', state.auth],
    ['maintenance', state.maintenance],
  ] as const
  return [
    ...json.flatMap(([name, value]) => (value === undefined ? [] : [jsonSection(name, value)])),
    ...batches.flatMap(([name, entries]) =>
      entries === undefined ? [] : [section(name, encodeBatch(entries))],
    ),
    ...(state.v2 === undefined ? [] : v2Sections(state.v2)),
  ]
}

function v2Sections({ from, to, rows }: ArchivedRows): readonly Section[] {
  return [jsonSection('v2', { from, to }), rows]
}

/** Throws ArchiveDamage. */
export function stateIn(sections: ReadonlyMap<string, Uint8Array>): ArchivedState {
  return {
    ...field('leases', sections, (bytes) => jsonIn(leases, bytes)),
    ...field('tokens', sections, (bytes) => jsonIn(tokens, bytes)),
    ...field('options', sections, (bytes) => jsonIn(options, bytes)),
    ...field('members', sections, (bytes) => jsonIn(members, bytes)),
    ...field('auth', sections, batchIn),
    ...field('maintenance', sections, batchIn),
    ...field('v2', sections, (bytes) => {
      const rows = section(ROWS, sections.get(ROWS) ?? new Uint8Array(0))
      return { ...jsonIn(v2, bytes), rows }
    }),
  }
}

function field<Name extends string, T>(
  name: Name,
  sections: ReadonlyMap<string, Uint8Array>,
  decode: (bytes: Uint8Array) => T,
): { readonly [N in Name]?: T } {
  const bytes = sections.get(name)
  return (bytes === undefined ? {} : { [name]: decode(bytes) }) as { readonly [N in Name]?: T }
}

function batchIn(bytes: Uint8Array): readonly BucketEntry[] {
  try {
    return decodeBatch(bytes)
  } catch (error) {
    throw error instanceof FileProblem
      ? new ArchiveDamage('content', `makes no sense: it ${error.message}`)
      : error
  }
}
