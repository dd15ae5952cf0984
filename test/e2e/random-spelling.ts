// The many ways in which one message may be written in proto3 JSON.
import { isObject, type Json, type JsonObject } from './http.ts'
import type { Random } from './random.ts'

export type FieldKind = 'bytes' | 'text' | 'integer' | 'boolean' | 'enum' | 'message' | 'list'

const enums: Readonly<Record<string, readonly string[]>> = {
  sort_order: ['NONE', 'ASCEND', 'DESCEND'],
  sort_target: ['KEY', 'VERSION', 'CREATE', 'MOD', 'VALUE'],
  result: ['EQUAL', 'GREATER', 'LESS', 'NOT_EQUAL'],
  target: ['VERSION', 'CREATE', 'MOD', 'VALUE', 'LEASE'],
  permType: ['READ', 'WRITE', 'READWRITE'],
}

const bytes: ReadonlySet<string> = new Set(['key', 'value', 'range_end'])
/** Names of locks and elections are bytes, and never broken. Nor are the names of enums beside them. */
const texts: ReadonlySet<string> = new Set([
  'name',
  'user',
  'role',
  'password',
  'hashedPassword',
  'version',
  'peerURLs',
  'action',
  'alarm',
])

/** What the field is: names mean one thing in all the messages that the generator makes. */
export function fieldKind(name: string, value: Json | undefined): FieldKind {
  if (Array.isArray(value)) {
    return 'list'
  }
  if (isObject(value)) {
    return 'message'
  }
  if (typeof value === 'boolean') {
    return 'boolean'
  }
  if (enums[name] !== undefined) {
    return 'enum'
  }
  if (texts.has(name)) {
    return 'text'
  }
  return bytes.has(name) ? 'bytes' : 'integer'
}

/** Writes a message: either case of names, integers bare or quoted, enums by name or number. */
export function spell(random: Random, message: JsonObject): string {
  const indent = random.chance(0.2) ? 2 : undefined
  return JSON.stringify(respell(random, message), null, indent)
}

function respell(random: Random, message: JsonObject): JsonObject {
  const camelCase = random.chance(0.3)
  const fields = Object.entries(message).map(([name, value]): [string, Json] => [
    camelCase ? toCamelCase(name) : name,
    respellValue(random, name, value ?? null),
  ])
  return Object.fromEntries(fields)
}

function respellValue(random: Random, name: string, value: Json): Json {
  if (Array.isArray(value)) {
    return value.map((element: Json) => respellValue(random, name, element))
  }
  if (isObject(value)) {
    return respell(random, value)
  }
  switch (fieldKind(name, value)) {
    case 'integer':
      return random.chance(0.5) ? Number(value) : value
    case 'enum':
      return random.chance(0.3) ? (enums[name]?.indexOf(String(value)) ?? value) : value
    default:
      return value
  }
}

export function toCamelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
