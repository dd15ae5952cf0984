import type { Chain, FullEntry, Manifest } from '../archive/manifest.ts'
import type { Expected } from '../archive/segment.ts'
import type { ArchiveReader } from './archive-reader.ts'
import { BrokenArchive, NotKept } from './broken-archive.ts'
import { chainStart, type Verified, verifyFull, verifySegments } from './verify.ts'

/** Of changes, that a step reads: some seconds. */
const STEP_BYTES = 64 * 1024 * 1024

/** What a step of reading an archive back has found. */
export interface VerifiedStep {
  readonly objects: number
  readonly bytes: number
  /** What was read, for people. */
  readonly what: string
  readonly problem?: string
  /** Undefined behind the last one. */
  readonly next?: string
}

/** Where a step begins: a full, then each of them, then each epoch's segments. */
type Place =
  | { readonly kind: 'full'; readonly full: FullEntry }
  | { readonly kind: 'chain'; readonly chain: Chain; readonly from: Expected }

/**
 * Verifies a full, or some segments. `after` is the `next` of the step before, or undefined for the first.
 * What is damaged is told, and passed over. Throws NotKept where the place is none.
 */
export async function verifyStep(
  reader: ArchiveReader,
  manifest: Manifest,
  after: string | undefined,
): Promise<VerifiedStep> {
  const place = after === undefined ? firstPlace(manifest) : placeOf(manifest, after)
  const behind = textOf(placeBehind(manifest, place))
  try {
    if (place.kind === 'full') {
      const { revision } = place.full
      return told(
        await verifyFull(reader, place.full),
        `full snapshot at revision ${revision}`,
        behind,
      )
    }
    const { chain, from } = place
    const { next, ...verified } = await verifySegments(reader, chain, from, STEP_BYTES)
    const what = `segments of epoch ${chain.epoch} from revision ${from.from} on`
    return told(
      verified,
      what,
      next === undefined ? behind : textOf({ kind: 'chain', chain, from: next }),
    )
  } catch (error) {
    if (!(error instanceof BrokenArchive)) {
      throw error
    }
    const what = place.kind === 'full' ? 'full snapshot' : `segments of epoch ${place.chain.epoch}`
    const nothing = { objects: 0, bytes: 0, changes: 0 }
    return { ...told(nothing, what, behind), problem: error.message }
  }
}

function told({ objects, bytes }: Verified, what: string, next: string | undefined): VerifiedStep {
  return { objects, bytes, what, ...(next !== undefined && { next }) }
}

function firstPlace({ fulls: [full] }: Manifest): Place {
  if (full === undefined) {
    throw new NotKept('the archive has no full snapshot yet')
  }
  return { kind: 'full', full }
}

/** The next full, or the chain of the next epoch that has one. */
function placeBehind(manifest: Manifest, place: Place): Place | undefined {
  const { fulls, chains } = manifest
  const full = place.kind === 'full' ? fulls[fulls.indexOf(place.full) + 1] : undefined
  if (full !== undefined) {
    return { kind: 'full', full }
  }
  const chain = place.kind === 'full' ? chains[0] : chains[chains.indexOf(place.chain) + 1]
  return chain && { kind: 'chain', chain, from: chainStart(chain) }
}

/** `full.EPOCH.SEQ`, or `chain.EPOCH.SEQ.FROM`, with the checksum of the segment before if it is known. */
function textOf(place: Place | undefined): string | undefined {
  if (place === undefined) {
    return undefined
  }
  if (place.kind === 'full') {
    return `full.${place.full.epoch}.${place.full.seq}`
  }
  const { epoch, seq, from, previous } = place.from
  return ['chain', epoch, seq, from, ...(typeof previous === 'number' ? [previous] : [])].join('.')
}

function placeOf({ fulls, chains }: Manifest, text: string): Place {
  const [kind, ...numbers] = text.split('.')
  const [epoch = 0, seq = 0, from = 0, previous] = numbers.map(Number)
  const full = fulls.find((one) => one.epoch === epoch && one.seq >= seq)
  if (kind === 'full' && full !== undefined) {
    return { kind, full }
  }
  const chain = chains.find((one) => one.epoch === epoch)
  if (kind === 'chain' && chain !== undefined && seq >= chain.first.seq) {
    return {
      kind,
      chain,
      from: { epoch, seq, from, previous: previous ?? (seq === 1 ? null : undefined) },
    }
  }
  throw new NotKept('what was verified has been pruned meanwhile; begin anew')
}
