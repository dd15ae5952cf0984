import type { JsonObject } from './http.ts'
import {
  type Bounds,
  randomDeleteRange,
  randomInterval,
  randomKey,
  randomPut,
  randomRange,
  randomRangeEnd,
  randomRevision,
  randomValue,
} from './random-messages.ts'
import type { Random } from './random.ts'

const depthMax = 3
const targets = ['VERSION', 'CREATE', 'MOD', 'VALUE', 'LEASE'] as const
const unionOf = {
  VERSION: 'version',
  CREATE: 'create_revision',
  MOD: 'mod_revision',
  VALUE: 'value',
  LEASE: 'lease',
} as const

export function randomTxn(random: Random, bounds: Bounds, depth = 1): JsonObject {
  return {
    ...(random.chance(0.7) && { compare: list(random, 3, () => randomCompare(random, bounds)) }),
    ...(random.chance(0.8) && { success: list(random, 4, () => randomOp(random, bounds, depth)) }),
    ...(random.chance(0.6) && { failure: list(random, 4, () => randomOp(random, bounds, depth)) }),
  }
}

function randomOp(random: Random, bounds: Bounds, depth: number): JsonObject {
  const nested = depth < depthMax ? 3 : 0
  switch (random.weighted({ put: 8, range: 8, deleteRange: 3, nested, none: 0.1 })) {
    case 'put':
      return { request_put: randomPut(random) }
    case 'range':
      return {
        request_range: random.chance(0.6) ? randomRange(random, bounds) : randomInterval(random),
      }
    case 'deleteRange':
      return { request_delete_range: randomDeleteRange(random) }
    case 'nested':
      return { request_txn: randomTxn(random, bounds, depth + 1) }
    case 'none':
      return {}
  }
}

/** Often true: both branches of a transaction deserve to run. */
function randomCompare(random: Random, bounds: Bounds): JsonObject {
  const target = random.pick(targets)
  const union = random.chance(0.9) ? target : random.pick(targets)
  return {
    ...(random.chance(0.8) && { result: random.pick(['EQUAL', 'GREATER', 'LESS', 'NOT_EQUAL']) }),
    ...(random.chance(0.9) && { target }),
    ...(random.chance(0.98) && { key: randomKey(random) }),
    ...(random.chance(0.9) && { [unionOf[union]]: randomOperand(random, bounds, union) }),
    ...(random.chance(0.2) && { range_end: randomRangeEnd(random) }),
  }
}

function randomOperand(random: Random, bounds: Bounds, union: (typeof targets)[number]): string {
  switch (union) {
    case 'VERSION':
      return String(random.integer(-1, 4))
    case 'CREATE':
    case 'MOD':
      return String(random.chance(0.4) ? 0 : randomRevision(random, bounds))
    case 'VALUE':
      return randomValue(random)
    case 'LEASE':
      return String(random.integer(0, 5))
  }
}

function list(random: Random, lengthMax: number, make: () => JsonObject): readonly JsonObject[] {
  return Array.from({ length: random.integer(0, lengthMax) }, make)
}
