// The pieces that random messages are made of, over so few keys that they collide all the time.
import { base64, type JsonObject } from './http.ts'
import type { Random } from './random.ts'

/** What the history so far tells, so that revisions are chosen where they hurt. */
export interface Bounds {
  readonly currentRevision: number
  readonly compactRevision: number
}

const keys = ['a', 'aa', 'ab', 'b', 'b\0', 'c', 'd', 'd/1', 'd/2', 'e', '\xff', '\xff\xff']
const values = ['', '0', '1', '2', 'x', 'a longer value', '\0\xff']

export function randomPut(random: Random): JsonObject {
  const ignoresValue = random.chance(0.1)
  const ignoresLease = random.chance(0.1)
  return {
    ...(random.chance(0.98) && { key: randomKey(random) }),
    ...(random.chance(ignoresValue ? 0.2 : 0.9) && { value: randomValue(random) }),
    ...(random.chance(ignoresLease ? 0.2 : 0.25) && { lease: randomLease(random) }),
    ...flag(random, 'prev_kv', 0.3),
    ...(ignoresValue && { ignore_value: true }),
    ...(ignoresLease && { ignore_lease: true }),
  }
}

export function randomRange(random: Random, bounds: Bounds): JsonObject {
  return {
    ...randomInterval(random),
    ...(random.chance(0.4) && { limit: String(random.pick([-1, 0, 1, 1, 2, 3, 5, 100])) }),
    ...(random.chance(0.4) && revisionField(random, bounds)),
    ...(random.chance(0.4) && { sort_order: random.pick(['NONE', 'ASCEND', 'DESCEND']) }),
    ...(random.chance(0.4) && {
      sort_target: random.pick(['KEY', 'VERSION', 'CREATE', 'MOD', 'VALUE']),
    }),
    ...flag(random, 'serializable', 0.2),
    ...flag(random, 'keys_only', 0.15),
    ...flag(random, 'count_only', 0.1),
    ...(random.chance(0.2) && revisionFilters(random, bounds)),
  }
}

export function randomDeleteRange(random: Random): JsonObject {
  return {
    ...(random.chance(0.98) && { key: randomKey(random) }),
    ...(random.chance(0.4) && { range_end: randomRangeEnd(random) }),
    ...flag(random, 'prev_kv', 0.4),
  }
}

export function randomKey(random: Random): string {
  return base64(random.pick(keys))
}

export function randomValue(random: Random): string {
  return base64(random.pick(values))
}

/** A point, a prefix, from a key on, everything, or two ends in any order. */
export function randomInterval(random: Random): JsonObject {
  switch (random.weighted({ point: 4, prefix: 3, fromKey: 1, all: 2, ends: 2, noKey: 0.2 })) {
    case 'point':
      return { key: randomKey(random) }
    case 'prefix': {
      const [key, rangeEnd] = random.pick([
        ['a', 'b'],
        ['d', 'e'],
        ['d/', 'd0'],
        ['b', 'c'],
      ])
      return { key: base64(key ?? ''), range_end: base64(rangeEnd ?? '') }
    }
    case 'fromKey':
      return { key: randomKey(random), range_end: base64('\0') }
    case 'all':
      return { key: base64('\0'), range_end: base64('\0') }
    case 'ends':
      return { key: randomKey(random), range_end: randomRangeEnd(random) }
    case 'noKey':
      return { range_end: randomRangeEnd(random) }
  }
}

export function randomRangeEnd(random: Random): string {
  return random.chance(0.15) ? base64('\0') : randomKey(random)
}

export function revisionField(random: Random, bounds: Bounds): JsonObject {
  return { revision: String(randomRevision(random, bounds)) }
}

export function randomRevision(random: Random, bounds: Bounds): number {
  const { currentRevision, compactRevision } = bounds
  switch (random.weighted({ readable: 12, edge: 4, wrong: 2 })) {
    case 'readable':
      return random.integer(Math.max(compactRevision, 1), currentRevision)
    case 'edge':
      return random.pick([0, 1, compactRevision - 1, compactRevision, currentRevision])
    case 'wrong':
      return random.pick([-1, -5, currentRevision + 1, currentRevision + 1000])
  }
}

function revisionFilters(random: Random, bounds: Bounds): JsonObject {
  const names = [
    'min_mod_revision',
    'max_mod_revision',
    'min_create_revision',
    'max_create_revision',
  ]
  const chosen = names.filter(() => random.chance(0.4))
  return Object.fromEntries(chosen.map((name) => [name, String(randomRevision(random, bounds))]))
}

export function flag(random: Random, name: string, probability: number): JsonObject {
  return random.chance(probability) ? { [name]: true } : {}
}

export function randomLease(random: Random): string {
  return String(random.chance(0.9) ? random.integer(1, 5) : random.pick([0, -7, 99]))
}
