import { type Bucket, fileBytes, fileOf, layOut } from '../../src/snapshot/file.ts'
import { readBolt } from './bbolt-reader.ts'

/** The result of a generator that pauses. */
export function finish<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) {
      return step.value
    }
  }
}

/** The file that holds the buckets. */
export function contentOf(buckets: readonly Bucket[]): Buffer {
  const layout = finish(layOut(buckets))
  const file = Buffer.concat([...fileOf(buckets, layout)])
  if (file.length !== fileBytes(layout)) {
    throw new Error(`${file.length} bytes, where ${fileBytes(layout)} were laid out`)
  }
  return file
}

export interface BufferedEntry {
  readonly key: Buffer
  readonly value: Buffer
}

/** What a file holds, by bucket. */
export type BoltContent = ReadonlyMap<string, readonly BufferedEntry[]>

export function readContent(file: Uint8Array): BoltContent {
  return new Map(
    [...readBolt(file)].map(([name, entries]) => [
      name,
      entries.map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) })),
    ]),
  )
}
