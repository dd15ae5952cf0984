import { fromBase64 } from './base64-decode.ts'
import { integerOf, numberInString } from './json-integer.ts'
import type { JsonTokens, Token } from './json-tokens.ts'
import type { EnumField, EnumType, ScalarField } from './message-type.ts'

/** A value that leaves its field as it is: the unknown name of an enum. */
export const ignored = Symbol('ignored')

/** Reads a scalar from the token that `tokens` read last; undefined when it is none of the kind. */
export type ReadScalar = (tokens: JsonTokens, token: Token) => unknown

export function scalarReader(field: ScalarField | EnumField): ReadScalar {
  return field.kind === 'enum' ? enumReader(field.enum) : readers[field.kind]
}

/** A name, or a number whether it has a name or not. */
function enumReader(type: EnumType): ReadScalar {
  const numbers = new Map(Object.entries(type))
  return (tokens, token) => {
    if (token === '"') {
      return numbers.get(tokens.string) ?? ignored
    }
    return token === '0' ? inRange(integerOf(tokens.raw()), -(2n ** 31n), 2n ** 31n - 1n) : undefined
  }
}

/** An integer in range as a `number`. */
function numberReader(min: bigint, max: bigint): ReadScalar {
  return (tokens, token) => {
    const text = integerText(tokens, token)
    return text !== undefined && plain.test(text) && min < 0n
      ? Number(text)
      : inRange(text === undefined ? undefined : integerOf(text), min, max)
  }
}
