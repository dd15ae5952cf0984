// Files that etcd itself has written: two keyspaces of the same history, one of etcd 3.4.23 and one of
// 3.7.1, each as `etcdctl snapshot save` made it and as the member had it (snap/db).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { EtcdFile } from '../../src/etcd-file/etcd-file.ts'
import type { Source } from '../../src/etcd-file/source.ts'

const directory = join(import.meta.dirname, '..', 'golden', 'etcd')

export const goldenFiles = ['3.4.23-saved', '3.4.23-member', '3.7.1-saved', '3.7.1-member'] as const
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
  '3.7.1-saved':
    '{"hash":2556350852,"revision":64,"totalKey":10,"totalSize":2170880,"version":"3.7.0"}',
  '3.7.1-member':
    '{"hash":3831340473,"revision":64,"totalKey":10,"totalSize":2170880,"version":"3.7.0"}',
} as const satisfies Readonly<Record<GoldenFile, string>>
