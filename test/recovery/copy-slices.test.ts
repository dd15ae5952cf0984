import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { CopiedRows } from '../../src/mvcc/log-copy.ts'
import type { ChangeId, Revision } from '../../src/mvcc/types.ts'
import { CopySlices } from '../../src/shard/copy-slices.ts'
import { type CopiedLog, LOG_BYTES_ENOUGH } from '../../src/shard/copy-source.ts'
import { runs } from '../runs.ts'

const UNDER_WAY_MAX = 16

interface Change extends ChangeId {
  readonly bytes: number
}

const isBehind = (one: ChangeId, other: ChangeId): boolean =>
  one.main > other.main || (one.main === other.main && one.sub > other.sub)

/** A piece for each change, and one that says that there are no more. */
function answerOf(changes: readonly Change[]): CopiedLog {
  const pieces: CopiedRows[] = []
  let bytes = 0
  for (const { main, sub, bytes: length } of changes) {
    if (bytes >= LOG_BYTES_ENOUGH) {
      return { pieces, compactRevision: -1, receipt: '' }
    }
    bytes += length
    const piece = { keys: { length } } as unknown as CopiedRows['piece']
    pieces.push({ piece, long: [], count: 1, last: { main, sub } })
  }
  const end = { piece: { keys: { length: 0 } } as unknown as CopiedRows['piece'], long: [] }
  return {
    pieces: [...pieces, { ...end, count: 0, last: undefined }],
    compactRevision: -1,
    receipt: '',
  }
}

/** Revisions of some changes each, between which some are compacted. */
const log = fc
  .array(
    fc.record({
      gap: fc.constantFrom(1, 1, 1, 1, 3, 1000, 100_000),
      changes: fc.array(fc.constantFrom(10, 1000, 200_000, 600_000), {
        minLength: 1,
        maxLength: 5,
      }),
    }),
    { maxLength: 120 },
  )
  .map((revisions) => {
    let main = 0
    return revisions.flatMap(({ gap, changes }) => {
      main += gap
      return changes.map((bytes, sub): Change => ({ main, sub, bytes }))
    })
  })

async function copied(changes: readonly Change[], left: Revision): Promise<void> {
  const until = (changes.at(-1)?.main ?? 1) + left
  let underWay = 0
  let most = 0
  const ask = async (after: ChangeId, end: Revision): Promise<CopiedLog> => {
    underWay++
    most = Math.max(most, underWay)
    await Promise.resolve()
    underWay--
    return answerOf(changes.filter((one) => isBehind(one, after) && one.main <= end))
  }
  const slices = new CopySlices(ask, { main: 0, sub: 0 }, until)
  const found: ChangeId[] = []
  while (!slices.isDone) {
    const { pieces } = await slices.next()
    found.push(...pieces.flatMap(({ last }) => (last === undefined ? [] : [last])))
  }
  expect(found).toEqual(changes.map(({ main, sub }) => ({ main, sub })))
  expect(most).toBeLessThanOrEqual(UNDER_WAY_MAX)
}

it('[RPL29] a log is copied in its order, however long its revisions are, with so many slices ahead', async () => {
  await fc.assert(fc.asyncProperty(log, fc.nat(200_000), copied), { numRuns: runs(200) })
})
