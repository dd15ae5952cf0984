// Requests that are not plain messages: broken JSON, wrong types, and odd spellings that are legal.
import { isObject, type Json, type JsonObject } from './http.ts'
import type { RandomRequest } from './random-request.ts'
import { fieldKind, type FieldKind, toCamelCase } from './random-spelling.ts'
import type { Random } from './random.ts'

interface Field {
  readonly name: string
  readonly value: Json
  readonly kind: FieldKind
  /** The whole message's text with `text` in the place of the field, name and colon included. */
  with(text: string): string
}

type Flawed = readonly [flaw: string, body: string | Uint8Array]

export function randomFlaw(
  random: Random,
  request: Pick<RandomRequest, 'path' | 'message'>,
): RandomRequest {
  const field = randomField(random, request.message)
  const [flaw, body] =
    field === undefined || random.chance(0.4)
      ? brokenText(random, JSON.stringify(request.message))
      : brokenField(random, field)
  return { ...request, flaw, body }
}

function brokenText(random: Random, text: string): Flawed {
  const at = random.integer(0, text.length)
  const [before, after] = [text.slice(0, at), text.slice(at)]
  const flaws = {
    'truncated': () => before,
    'a character too many': () =>
      before + random.pick('{}[]:,"\'x0-\\/ \n\u0001'.split('')) + after,
    'a character less': () => before + after.slice(1),
    'another value': () =>
      random.pick(['null', '[]', '[{}]', '1', '"a"', 'true', '-', '.5', 'nul']),
    'empty body': () => random.pick(['', ' ', '\n\t']),
    'data after the value': () => text + random.pick([' {}', 'x', '}', ',', '\0']),
    'trailing comma': () => text.replace(/\}$/, ',}'),
    'single quotes': () => text.replaceAll('"', "'"),
    'byte order mark': () => `\ufeff${text}`,
    'unknown field': () => text.replace('{', random.pick(unknownFields)),
    'lone surrogate': () => text.replace('{', random.pick(['{"nope":"\\ud800",', '{"\\udc00":0,'])),
    'bad UTF-8': () =>
      Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)]),
  }
  const flaw = random.pick(Object.keys(flaws) as (keyof typeof flaws)[])
  return [flaw, flaws[flaw]()]
}

const unknownFields = [
  '{"nope":1,',
  '{"nope":{"a":[1,{"b":null}]},',
  '{"nope":"\\u00e9\\n",',
  '{"":0,',
  '{"KEY":"YQ==",',
] as const

function brokenField(random: Random, field: Field): Flawed {
  const general: Readonly<Record<string, () => string>> = {
    'duplicate field': () => field.with(`${spelled(field)},${spelled(field)}`),
    'null field': () => field.with(`"${field.name}":null`),
    'both spellings': () =>
      field.with(`${spelled(field)},"${toCamelCase(field.name)}":${JSON.stringify(field.value)}`),
    'wrong type': () => field.with(`"${field.name}":${random.pick(wrongTypes)}`),
    'missing value': () => field.with(`"${field.name}":`),
    'missing colon': () => field.with(`"${field.name}" ${JSON.stringify(field.value)}`),
    'bare name': () => field.with(`${field.name}:${JSON.stringify(field.value)}`),
  }
  const special = flawsOfKind(random, field)
  const flaws = special !== undefined && random.chance(0.6) ? special : general
  const flaw = random.pick(Object.keys(flaws))
  return [flaw, flaws[flaw]?.() ?? '']
}

const wrongTypes = [
  '{}',
  '[]',
  '[1]',
  '{"a":1}',
  'true',
  'false',
  '0',
  '1',
  '-1',
  '1.5',
  '"text"',
  '""',
]

function flawsOfKind(
  random: Random,
  field: Field,
): Readonly<Record<string, () => string>> | undefined {
  const raw = (text: string): string => field.with(`"${field.name}":${text}`)
  switch (field.kind) {
    case 'bytes':
      return {
        'bad base64': () =>
          raw(random.pick(['"***"', '"YQ="', '"Y"', '"YQ==="', '"Y Q=="', '"YR=="'])),
        'base64 unpadded': () => raw(random.pick(['"YQ"', '"YWE"', '"ZC8x"'])),
        'base64 URL-safe': () => raw(random.pick(['"_w=="', '"__8="', '"_w"'])),
        'escapes in base64': () => raw(random.pick(['"\\u0059Q=="', '"\\/w=="', '"YQ\\n=="'])),
        'broken string': () =>
          raw(random.pick(['"\\x"', '"\\u12"', '"\\ud800"', '"a\u0001"', '"a'])),
      }
    case 'integer':
      return {
        'integer as a float': () =>
          raw(random.pick(['2.0', '2e0', '0.2e1', '20e-1', '"2.0"', '"2e0"'])),
        'not an integer': () =>
          raw(random.pick(['1.5', '"1.5"', '"x"', '""', '" 2"', '"0x2"', '1e-1'])),
        'huge integer': () => raw(random.pick(hugeIntegers)),
        'broken number': () =>
          raw(random.pick(['01', '-', '+1', '1.', '.5', '1e', '--1', '0x10', '-01'])),
        'negative zero': () => raw(random.pick(['-0', '"-0"', '-0.0', '0e0'])),
      }
    case 'enum':
      return {
        'unknown enum name': () => raw(random.pick(['"NOPE"', '"ascend"', '""', '"1"'])),
        'enum out of range': () => raw(random.pick(['9', '-1', '2147483647'])),
        'enum as a float': () => raw(random.pick(['1.0', '1.5', '2147483648', '1e0'])),
      }
    case 'boolean':
      return { 'not a boolean': () => raw(random.pick(['"true"', '1', '0', 'TRUE', 'tru', 't'])) }
    case 'list':
      return {
        'null in a list': () => raw('[null]'),
        'list of others': () =>
          raw(random.pick(['[1]', '["a"]', '[[]]', '[{},]', '[,]', '[{}', '{}'])),
        'two of a oneof': () => raw(random.pick(twoOfOneof)),
        'null in a oneof': () => raw('[{"request_put":null,"request_range":{"key":"YQ=="}}]'),
      }
    case 'text':
    case 'message':
      return undefined
  }
}

const hugeIntegers = [
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '"18446744073709551616"',
  '1e18',
  '1e400',
  '1e99999999999',
  '9007199254740993',
] as const

const twoOfOneof = [
  '[{"request_put":{"key":"YQ=="},"request_range":{"key":"YQ=="}}]',
  '[{"request_put":{"key":"YQ=="},"request_put":{"key":"YQ=="}}]',
  '[{"key":"YQ==","version":1,"mod_revision":1}]',
  '[{"key":"YQ==","value":"YQ==","lease":1}]',
] as const

function spelled({ name, value }: Pick<Field, 'name' | 'value'>): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`
}

/** Any field of the message or of the messages in it; undefined if there is none. */
function randomField(random: Random, message: JsonObject): Field | undefined {
  const places: Field[] = []
  collect(message, (text) => text, places)
  return places.length === 0 ? undefined : random.pick(places)
}

function collect(message: JsonObject, around: (text: string) => string, places: Field[]): void {
  const entries = Object.entries(message)
  entries.forEach(([name, value = null], at) => {
    const others = entries.map(([other, its = null]) => spelled({ name: other, value: its }))
    const within = (text: string): string => around(`{${others.toSpliced(at, 1, text).join(',')}}`)
    places.push({ name, value, kind: fieldKind(name, value), with: within })
    if (isObject(value)) {
      collect(value, (text) => within(`"${name}":${text}`), places)
    } else if (Array.isArray(value)) {
      value.forEach((element: JsonObject, index: number) => {
        const texts = value.map((its: Json) => JSON.stringify(its))
        const inList = (text: string): string =>
          within(`"${name}":[${texts.toSpliced(index, 1, text).join(',')}]`)
        collect(element, inList, places)
      })
    }
  })
}
