import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { SqliteFile } from '../../src/host/sqlite-file.ts'

const LOG_BYTES = 4000 * (4096 + 24) + 32
const listener = { begun: () => undefined, durable: () => undefined, failed: fail }

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'log-room-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

function fail(error: unknown): never {
  throw error
}

/** How many rows there are after a loss of the process at this moment, read from copies of the files. */
function rowsAfterLoss(path: string): unknown {
  const copy = join(directory, 'copy.sqlite')
  for (const suffix of ['', '-wal']) {
    copyFileSync(path + suffix, copy + suffix)
  }
  const database = new DatabaseSync(copy)
  try {
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    return database.prepare('SELECT count(*) AS rows FROM t').get()
  } finally {
    database.close()
  }
}

it('[HST31] the log grows in few steps to the length at which SQLite begins it anew, and holds just the commits', () => {
  const path = join(directory, 'object.sqlite')
  const file = new SqliteFile(path, listener)
  const lengths: number[] = []
  const lost: unknown[] = []
  for (let commit = 1; commit <= 2400; commit++) {
    if (commit === 1) {
      file.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, value BLOB)', [])
    }
    file.exec('INSERT INTO t (value) VALUES (?)', [new Uint8Array(2000).fill(commit)])
    file.commit(commit)
    const { size } = statSync(`${path}-wal`)
    if (size !== lengths.at(-1)) {
      lengths.push(size)
    }
    if (commit === 1 || commit === 20 || commit % 800 === 0) {
      lost.push(rowsAfterLoss(path))
    }
  }
  expect(lost).toEqual([1, 20, 800, 1600, 2400].map((rows) => ({ rows })))
  expect(lengths[0]).toBe(64 * 1024)
  expect(lengths.length).toBeLessThan(10)
  expect(lengths.at(-1)).toBeGreaterThanOrEqual(LOG_BYTES)
  expect(lengths.at(-1)).toBeLessThan(LOG_BYTES + 64 * 1024)
  file.close()
})
