// Messages of any type with random values in their fields, most of which make no sense.
import type { Field, MessageType } from '../../src/protocol/message-type.ts'
import { base64, type Json, type JsonObject } from './http.ts'
import type { Random } from './random.ts'

const names = [
  '',
  ' ',
  'a',
  'root',
  'alice',
  'a\0b',
  'é😀',
  '../..',
  "';--",
  '%00',
  '*',
  '3.6',
  '3.6.0',
]
const urls = ['http://127.0.0.1:1', 'http://[::1', 'https://h:99999/path', 'unix://x', 'http://:1']
const texts = [...names, ...urls, 'x'.repeat(73), 'x'.repeat(40_000)]
const bytes = ['', 'a', '\0', '\xff', 'a/', 'b', 'a\0', '\xff'.repeat(300), 'k'.repeat(100_000)]
const small = ['0', '1', '2', '-1', '-2', '5', '9000000001', '4294967296', '1099511627777']
const large = ['9007199254740993', '9223372036854775807', '-9223372036854775808']
const integers = [...small, ...large]
const DEPTH_MAX = 4

export function randomFields(random: Random, type: MessageType<object>, depth = 0): JsonObject {
  const message: Record<string, Json> = {}
  const oneofs = new Set<string>()
  for (const field of type.fields) {
    const isTaken = field.oneof !== undefined && oneofs.has(field.oneof)
    if (isTaken || (field.kind === 'message' && depth > DEPTH_MAX) || random.chance(0.25)) {
      continue
    }
    if (field.oneof !== undefined) {
      oneofs.add(field.oneof)
    }
    message[field.name] =
      field.repeated === true
        ? Array.from({ length: random.pick([0, 1, 1, 2, 3]) }, () => value(random, field, depth))
        : value(random, field, depth)
  }
  return message
}

function value(random: Random, field: Field, depth: number): Json {
  switch (field.kind) {
    case 'string':
      return random.pick(texts)
    case 'bytes':
      return base64(random.pick(bytes))
    case 'bool':
      return random.chance(0.5)
    case 'enum':
      return random.pick([0, 0, 1, 1, 2, 2, 3, 99, -1, 2_147_483_647])
    case 'message':
      return randomFields(random, field.message(), depth + 1)
    case 'uint32':
      return random.integer(0, 5)
    case 'uint64':
    case 'uint64-id':
      return random.pick(integers.filter((integer) => !integer.startsWith('-')))
    case 'int64':
    case 'int64-wide':
    case 'int64-id':
      return random.pick(integers)
  }
}
