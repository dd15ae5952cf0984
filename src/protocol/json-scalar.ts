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

/** What most integers look like, and what fits every type. */
const small = /^[1-9]\d{0,8}$/

/** Reads an integer from a number or from a string, and gives it as `convert` makes it. */
function integerReader(
  fits: (value: bigint) => boolean,
  convert: (value: bigint | string) => bigint | number,
): ScalarReader {
  return (tokens, token) => {
    if (token !== '"' && token !== '0') {
      return undefined
    }
    const source = token === '"' ? tokens.string : tokens.raw()
    if (small.test(source)) {
      return convert(source)
    }
    const text = token === '"' ? numberInString(source) : source
    const value = text === undefined ? undefined : integerOf(text)
    return value !== undefined && fits(value) ? convert(value) : undefined
  }
}

const fitsInt64 = (value: bigint): boolean => value === BigInt.asIntN(64, value)
const fitsUint64 = (value: bigint): boolean => value === BigInt.asUintN(64, value)
const fitsUint32 = (value: bigint): boolean => value === BigInt.asUintN(32, value)

/** A bigint only where a number would not be exact. */
function wide(value: bigint | string): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : BigInt(value)
}

const readers: Readonly<Record<ScalarField['kind'], ScalarReader>> = {
  'bool': (_tokens, token) => (token === 't' || token === 'f' ? token === 't' : undefined),
  'string': (tokens, token) => (token === '"' ? tokens.string : undefined),
  'bytes': (tokens, token) => (token === '"' ? fromBase64(tokens.string) : undefined),
  'uint32': integerReader(fitsUint32, Number),
  'int64': integerReader(fitsInt64, Number),
  'uint64': integerReader(fitsUint64, Number),
  'int64-id': integerReader(fitsInt64, BigInt),
  'int64-wide': integerReader(fitsInt64, wide),
  'uint64-id': integerReader(fitsUint64, BigInt),
}
