import { describe, expect, it } from 'vitest'
import { statusOfFile } from '../../src/etcd-file/status.ts'
import { bucketsOf } from '../../src/snapshot/buckets.ts'
import { putOf } from '../mvcc/requests.ts'
import { contentOf } from '../snapshot/content.ts'
import { smallKeyspace } from '../snapshot/small-keyspace.ts'
import { stateOf } from '../snapshot/state.ts'
import { fileOf, goldenBytes, goldenFiles, goldenStatus } from './golden-files.ts'

describe('the status of a file', () => {
  it.each(goldenFiles)('[SNP15] of %s is what etcdutl said of it', (name) => {
    const file = fileOf(goldenBytes(name))
    expect(file.hasHash).toBe(name.endsWith('saved'))
    const { changesSum: _, ...status } = statusOfFile(file)
    expect(JSON.stringify(status)).toBe(goldenStatus[name])
  })

  it('[SNP15] of our own is what etcdutl said of it', () => {
    const keyspace = smallKeyspace()
    const { store } = keyspace
    // Many leaves and branches, and a value of many pages.
    for (let i = 0; i < 3000; i++) {
      store.put(putOf(`k${i % 1000}`, i % 500 === 0 ? 'y'.repeat(70_000) : 'short'))
    }
    const { changesSum: _, ...status } = statusOfFile(
      fileOf(contentOf(bucketsOf(stateOf(keyspace)))),
    )
    expect(JSON.stringify(status)).toBe(
      '{"hash":1522892048,"revision":3005,"totalKey":1001,"totalSize":671744,"version":"3.7.0"}',
    )
  })
})
