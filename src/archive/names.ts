import type { Revision } from '../mvcc/types.ts'

/** An archive: that of a keyspace from when it is made until it is deleted. */
export interface ArchiveName {
  readonly keyspace: string
  /** When it was made, in milliseconds since 1970; 0 of `default`, which nobody makes. */
  readonly generation: number
}

/** A segment of an epoch, by its number and its first revision. */
export interface SegmentName {
  readonly epoch: number
  /** From 1 on. */
  readonly seq: number
  readonly from: Revision
}

/** The state right behind segment `seq` of an epoch. */
export interface FullName {
  readonly epoch: number
  readonly seq: number
  readonly revision: Revision
}

/** What a key names. */
export type ArchiveKey =
  | { readonly kind: 'claim'; readonly epoch: number }
  | ({ readonly kind: 'part'; readonly part: number } & FullName)
  | ({ readonly kind: 'end' } & FullName)
  | ({ readonly kind: 'segment' } & SegmentName)
  | { readonly kind: 'manifest'; readonly number: number }

const GENERATION_DIGITS = 13
const EPOCH_DIGITS = 6
const SEQ_DIGITS = 10
const REVISION_DIGITS = 16
const PART_DIGITS = 4
const MANIFEST_DIGITS = 10

/** The archives of all generations of a keyspace. */
export function keyspacePrefix(keyspace: string): string {
  return `keyspaces/${keyspace}/`
}

/** Ends in a slash; all other keys of an archive stand below it. */
export function archivePrefix({ keyspace, generation }: ArchiveName): string {
  return `${keyspacePrefix(keyspace)}${digits(generation, GENERATION_DIGITS)}/`
}

/** The generation that a key below `keyspacePrefix` is of. */
export function generationOf(keyspace: string, key: string): number | undefined {
  const prefix = keyspacePrefix(keyspace)
  const [, generation] =
    new RegExp(`^(\\d{${GENERATION_DIGITS}})/`).exec(
      key.startsWith(prefix) ? key.slice(prefix.length) : '',
    ) ?? []
  return generation === undefined ? undefined : Number(generation)
}

/** Behind all keys of a generation, and before those of the next. For `after` of a list. */
export function behindGeneration(archive: ArchiveName): string {
  return `${archivePrefix(archive)}~`
}

export function claimKey(archive: ArchiveName, epoch: number): string {
  return `${epochPrefix(archive, epoch)}claim`
}

function fullPrefix(archive: ArchiveName, { epoch, seq, revision }: FullName): string {
  const name = `${digits(seq, SEQ_DIGITS)}-${digits(revision, REVISION_DIGITS)}`
  return `${epochPrefix(archive, epoch)}full/${name}/`
}

export function partKey(archive: ArchiveName, full: FullName, part: number): string {
  return `${fullPrefix(archive, full)}${digits(part, PART_DIGITS)}`
}

export function endKey(archive: ArchiveName, full: FullName): string {
  return `${fullPrefix(archive, full)}end`
}

function logPrefix(archive: ArchiveName, epoch: number): string {
  return `${epochPrefix(archive, epoch)}log/`
}

export function segmentKey(archive: ArchiveName, { epoch, seq, from }: SegmentName): string {
  return `${logPrefix(archive, epoch)}${digits(seq, SEQ_DIGITS)}-${digits(from, REVISION_DIGITS)}`
}

export function manifestPrefix(archive: ArchiveName): string {
  return `${archivePrefix(archive)}manifests/`
}

export function manifestKey(archive: ArchiveName, number: number): string {
  return `${manifestPrefix(archive)}${digits(number, MANIFEST_DIGITS)}`
}

/** Undefined for what no archive of this version has. */
export function parseKey(archive: ArchiveName, key: string): ArchiveKey | undefined {
  const prefix = archivePrefix(archive)
  const match = key.startsWith(prefix) ? KEY.exec(key.slice(prefix.length)) : null
  const { groups: { manifest, epoch: epochText, claim, seq, from, fullSeq, revision, part } = {} } =
    match ?? {}
  if (match === null) {
    return undefined
  }
  if (manifest !== undefined) {
    return { kind: 'manifest', number: Number(manifest) }
  }
  const epoch = Number(epochText)
  if (claim !== undefined) {
    return { kind: 'claim', epoch }
  }
  if (seq !== undefined) {
    return { kind: 'segment', epoch, seq: Number(seq), from: Number(from) }
  }
  const full = { epoch, seq: Number(fullSeq), revision: Number(revision) }
  return part === 'end' ? { kind: 'end', ...full } : { kind: 'part', ...full, part: Number(part) }
}

const KEY = new RegExp(
  `^(?:manifests/(?<manifest>\\d{${MANIFEST_DIGITS}})|e(?<epoch>\\d{${EPOCH_DIGITS}})/(?:(?<claim>claim)|` +
    `log/(?<seq>\\d{${SEQ_DIGITS}})-(?<from>\\d{${REVISION_DIGITS}})|` +
    `full/(?<fullSeq>\\d{${SEQ_DIGITS}})-(?<revision>\\d{${REVISION_DIGITS}})/(?<part>\\d{${PART_DIGITS}}|end)))$`,
)

function epochPrefix(archive: ArchiveName, epoch: number): string {
  return `${archivePrefix(archive)}e${digits(epoch, EPOCH_DIGITS)}/`
}

/** So that keys are in the order of their numbers. */
function digits(value: number, length: number): string {
  return String(value).padStart(length, '0')
}
