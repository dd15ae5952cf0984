import { expect, it } from 'vitest'
import { type Event, EventType } from '../../../../src/mvcc/types.ts'
import { faultsOf, type Operation } from './history.ts'
import { type Hold, overlapsOf } from './locks.ts'

const url = 'node'

function put(value: string, revision: number): Event {
  const kv = {
    key: Buffer.from('key'),
    value: Buffer.from(value),
    createRevision: 2,
    modRevision: revision,
    version: revision - 1,
    lease: 0n,
  }
  return { type: EventType.PUT, kv, prevKv: undefined }
}

function wrote(
  value: string,
  revision: number,
  [began, ended]: readonly [number, number],
): Operation {
  return { kind: 'put', key: 'key', value, began, ended, url, outcome: { revision } }
}

function read(
  value: string,
  [modRevision, revision]: readonly [number, number],
  [began, ended]: readonly [number, number],
): Operation {
  const found = { value, modRevision }
  return { kind: 'read', key: 'key', began, ended, url, outcome: { revision, found } }
}

const log = [put('a', 2), put('b', 3)]
const wroteA = wrote('a', 2, [0, 1])
const wroteB = wrote('b', 3, [2, 3])

it('[CLT9] a history is held against what happened: what is true has no fault', () => {
  const lost = { code: 14, message: 'etcdserver: request timed out' }
  const unknown: Operation = { ...wroteB, value: 'c', outcome: lost }
  expect(faultsOf([wroteA, wroteB, unknown, read('b', [3, 3], [4, 5])], log)).toEqual([])
  // At the same time as the second put, either is true.
  expect(faultsOf([wroteA, wroteB, read('a', [2, 2], [2.1, 2.9])], log)).toEqual([])
})

it.each<readonly [string, readonly Operation[], readonly Event[], RegExp]>([
  [
    'a write that is lost',
    [wroteA, wroteB],
    [put('a', 2)],
    /told of revision 3, and the last is 2/,
  ],
  ['a write that another has replaced', [wroteA], [put('c', 2)], /a was acknowledged by node at 2/],
  [
    'a write that is done twice',
    [wroteA],
    [put('a', 2), put('a', 3)],
    /applied at 2 and again at 3/,
  ],
  ['a read of what was not', [read('c', [2, 2], [4, 5])], log, /said at 2 that key is/],
  [
    'a read of what is over',
    [wroteB, read('a', [2, 2], [4, 5])],
    log,
    /answered a read of key at 2/,
  ],
  [
    'a read behind another read',
    [read('b', [3, 3], [4, 5]), read('a', [2, 2], [6, 7])],
    log,
    /answered a read of key at 2/,
  ],
  [
    'a write before one that came before it',
    [wrote('b', 3, [0, 1]), wrote('a', 2, [2, 3])],
    log,
    /answered a put of key at 2/,
  ],
])('[CLT9] %s is found', (_, operations, events, fault) => {
  const faults = faultsOf(operations, events)
  expect(faults).toHaveLength(1)
  expect(faults[0]).toMatch(fault)
})

it('[CLT9] a lock that two hold is found', () => {
  const holds: Hold[] = [
    { holder: 0, from: 0, until: 10 },
    { holder: 1, from: 11, until: 20 },
  ]
  expect(overlapsOf(holds)).toEqual([])
  expect(overlapsOf([...holds, { holder: 2, from: 15, until: 30 }])).toHaveLength(1)
})
