// Files that etcd itself has written: two keyspaces of the same history, one of etcd 3.4.23 and one of
// 3.7.1, each as `etcdctl snapshot save` made it and as the member had it (snap/db). That of 3.4.23 went on
// with 3.5.21, and then with 3.6.4.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { EtcdFile } from '../../src/etcd-file/etcd-file.ts'
import type { Source } from '../../src/etcd-file/source.ts'

const directory = join(import.meta.dirname, '..', 'golden', 'etcd')

export const goldenFiles = [
  '3.4.23-saved',
  '3.4.23-member',
  '3.5.21-saved',
  '3.5.21-member',
  '3.6.4-saved',
  '3.6.4-member',
  '3.7.1-saved',
  '3.7.1-member',
] as const
export type GoldenFile = (typeof goldenFiles)[number]

export function goldenBytes(name: GoldenFile): Buffer {
  return gunzipSync(readFileSync(join(directory, `${name}.db.gz`)))
}

function sourceOf(bytes: Uint8Array): Source {
  return {
    length: bytes.length,
    read: (offset, length) => {
      if (offset + length > bytes.length) {
        throw new Error(`read behind the end: ${offset} + ${length} of ${bytes.length}`)
      }
      return Uint8Array.from(bytes.subarray(offset, offset + length))
    },
  }
}

export function fileOf(bytes: Uint8Array): EtcdFile {
  return new EtcdFile(sourceOf(bytes))
}

/** What etcdutl 3.7.1 said of them: `snapshot status -w json`. */
export const goldenStatus = {
  '3.4.23-saved': '{"hash":181669732,"revision":64,"totalKey":10,"totalSize":2199552,"version":""}',
  '3.4.23-member':
    '{"hash":181669732,"revision":64,"totalKey":10,"totalSize":2199552,"version":""}',
  '3.5.21-saved':
    '{"hash":3144638828,"revision":64,"totalKey":10,"totalSize":2199552,"version":""}',
  '3.5.21-member':
    '{"hash":3144638828,"revision":64,"totalKey":10,"totalSize":2199552,"version":""}',
  '3.6.4-saved': '{"hash":2476180721,"revision":64,"totalKey":10,"totalSize":2199552,"version":""}',
  '3.6.4-member':
    '{"hash":2476180721,"revision":64,"totalKey":10,"totalSize":2199552,"version":""}',
  '3.7.1-saved':
    '{"hash":2556350852,"revision":64,"totalKey":10,"totalSize":2170880,"version":"3.7.0"}',
  '3.7.1-member':
    '{"hash":3831340473,"revision":64,"totalKey":10,"totalSize":2170880,"version":"3.7.0"}',
} as const satisfies Readonly<Record<GoldenFile, string>>

/** Up to where their history is compacted. */
export const GOLDEN_COMPACTED = 30

/**
 * HashKV of the two keyspaces at each revision from 31 on, as each of them said. At the compacted one,
 * where 3.4 refuses it, 3.7 said 3846531738.
 */
export const goldenHashes = [
  3301673001, 1307900356, 421124457, 580609151, 3724023957, 2535545479, 2885698815, 1380514312,
  2559272933, 4003979313, 2704195514, 3225464089, 2819708242, 68411795, 2913063167, 3762198912,
  2370379201, 4241497759, 793500221, 1532606607, 1327775994, 66818220, 601768727, 2294500771,
  507465048, 1970780773, 1919197804, 2231562582, 3569907555, 1377482887, 982082153, 3877837435,
  2388312591, 4223650040,
] as const
