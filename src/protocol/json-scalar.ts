import { fromBase64 } from './base64-decode.ts'
import { integerOf, numberInString } from './json-integer.ts'
import type { JsonTokens, Token } from './json-tokens.ts'
import type { EnumField, EnumType, ScalarField } from './message-type.ts'

/** A value that leaves its field as it is: a name that the enum does not have. */
export const ignored = Symbol('ignored')

/** Makes a value of the token that was read last; undefined when the kind does not allow it. */
export type ScalarReader = (tokens: JsonTokens, token: Token) => unknown

export function scalarReader(field: ScalarField | EnumField): ScalarReader {
  return field.kind === 'enum' ? enumReader(field.enum) : readers[field.kind]
}

/** By name, or by number whether that has a name or not. */
function enumReader(type: EnumType): ScalarReader {
  const numbers = new Map(Object.entries(type))
  return (tokens, token) => {
    if (token === '"') {
      return numbers.get(tokens.string) ?? ignored
    }
    const value = token === '0' ? integerOf(tokens.raw()) : undefined
    return value === BigInt.asIntN(32, value ?? 0n) ? Number(value) : undefined
  }
}

/** An integer from a number or from a string. */
function integerReader(
  fits: (value: bigint) => boolean,
): (tokens: JsonTokens, token: Token) => bigint | undefined {
  return (tokens, token) => {
    const text = token === '"' ? numberInString(tokens.string) : tokens.raw()
    const value =
      text === undefined || (token !== '"' && token !== '0') ? undefined : integerOf(text)
    return value !== undefined && fits(value) ? value : undefined
  }
}

const readInt64 = integerReader((value) => value === BigInt.asIntN(64, value))
const readUint64 = integerReader((value) => value === BigInt.asUintN(64, value))
const readUint32 = integerReader((value) => value === BigInt.asUintN(32, value))

/** As a `number`, which rounds what has more than 53 bits. */
function numberReader(
  read: (tokens: JsonTokens, token: Token) => bigint | undefined,
): ScalarReader {
  return (tokens, token) => {
    const value = read(tokens, token)
    return value === undefined ? undefined : Number(value)
  }
}

const readers: Readonly<Record<ScalarField['kind'], ScalarReader>> = {
  'bool': (_tokens, token) => (token === 't' || token === 'f' ? token === 't' : undefined),
  'string': (tokens, token) => (token === '"' ? tokens.string : undefined),
  'bytes': (tokens, token) => (token === '"' ? fromBase64(tokens.string) : undefined),
  'uint32': numberReader(readUint32),
  'int64': numberReader(readInt64),
  'uint64': numberReader(readUint64),
  'int64-id': readInt64,
  'uint64-id': readUint64,
}
