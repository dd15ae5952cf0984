import { ArchiveDamage } from '../archive/archive-damage.ts'
import type { Chain } from '../archive/manifest.ts'
import { segmentKey } from '../archive/names.ts'
import { type Expected, nextOf, type Segment } from '../archive/segment.ts'
import type { ArchiveReader } from './archive-reader.ts'
import { BrokenArchive } from './broken-archive.ts'

/**
 * The segments of a chain, one behind the other, until there is none. One of which the manifest knows has to
 * be there.
 */
export async function* segmentsFrom(
  reader: ArchiveReader,
  from: Expected,
  known: Chain,
): AsyncGenerator<{ readonly segment: Segment; readonly expected: Expected }, void> {
  let expected = from
  for (;;) {
    const segment = await reader.segment(expected, known.last.seq)
    if (segment === undefined) {
      if (expected.seq <= known.last.seq) {
        const key = segmentKey(reader.archive, expected)
        throw new BrokenArchive(key, new ArchiveDamage('missing', 'is not there'))
      }
      return
    }
    yield { segment, expected }
    expected = nextOf(segment)
  }
}
