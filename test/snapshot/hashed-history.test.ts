import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ChangesWriter } from '../../src/archive/changes.ts'
import { ObjectBuffer } from '../../src/archive/container.ts'
import { encodePart } from '../../src/archive/full.ts'
import { hashScope } from '../../src/mvcc/hash.ts'
import { hashKv } from '../../src/mvcc/hashed-history.ts'
import { changesWritten, PART, STATE } from '../archive/samples.ts'
import { Keyspace, NOW } from '../auth/keyspace.ts'
import { runs } from '../runs.ts'
import { anyStep, LEASE, take } from './random-history.ts'

const MiB = 1024 * 1024

it('[REP19] a full is the log, byte for byte, with its HashKV, wherever it is put together', () => {
  fc.assert(
    fc.property(
      fc.array(anyStep, { maxLength: 60, size: 'max' }),
      fc.nat(2_000),
      (steps, roomBytes) => {
        const keyspace = new Keyspace()
        const { sql, store } = keyspace
        keyspace.lessor.grant({ ID: LEASE, TTL: 60 }, NOW)
        steps.forEach((step) => take(keyspace, step))
        const history = store.hashedHistory()
        const buffer = new ObjectBuffer(roomBytes)
        const writer = new ChangesWriter(buffer.room)
        for (const change of history.changes()) {
          writer.addPlaced(change)
        }
        const plain = changesWritten([...store.changes(store.revision)])
        expect(encodePart(PART, writer, STATE, buffer)).toEqual(encodePart(PART, plain, STATE))
        expect(history.hash).toEqual(
          hashOf(hashKv(sql, hashScope(sql, store.revision, store.compactRevision))),
        )
      },
    ),
    { numRuns: runs(100) },
  )
})

function hashOf<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) {
      return step.value
    }
  }
}

it('[REP20] what SQLite has answered for a full is given back as soon as it is written', () => {
  const { store } = new Keyspace()
  const value = new Uint8Array(1000)
  for (let i = 0; i < 20_000; i++) {
    const put = { prevKv: false, ignoreValue: false, ignoreLease: false, lease: 0n }
    store.put({ ...put, key: Buffer.from(String(i)), value })
  }
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  let count = 0
  for (const { value: read } of store.hashedHistory().changes()) {
    count += read.length
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
  }
  expect(count).toBe(20_000 * 1000)
  expect(most).toBeLessThan(4 * MiB)
})
