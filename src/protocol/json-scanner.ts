/**
 * Finds where a JSON value ends, and what is wrong with it, byte by byte as Go's encoding/json
 * does: etcd's gateway passes every body through it first, so these are the texts that its clients
 * know. The state is kept between calls: a value may come in pieces.
 */
import { quoteByte } from './go-quote.ts'
import { Code, RpcStatus } from './status.ts'

/** encoding/json's own limit. */
const depthMax = 10_000

export class JsonScanner {
  #state: State = State.VALUE
  readonly #inside: Inside[] = []
  #literal = ''
  /** How much there is of the literal, or of the four digits of an escape. */
  #count = 0

  /**
   * Goes on at `from` and returns where the value ends, or -1 when the bytes end first. An object
   * or array ends behind its bracket; a number, string or literal at top level only ends before
   * the next byte, whatever that is. Throws an RpcStatus with Go's text.
   */
  scan(bytes: Uint8Array, from: number): number {
    let position = from
    while (position < bytes.length) {
      if (this.#state === State.STRING) {
        position = endOfPlainText(bytes, position)
        if (position === bytes.length) {
          break
        }
      }
      const step = this.#step(bytes[position] ?? 0)
      if (step !== Step.GO_ON) {
        return step === Step.END ? position + 1 : position
      }
      position++
    }
    return -1
  }

  /** Whether the value is complete when nothing comes any more. */
  endsHere(): boolean {
    return this.#inside.length === 0 && completing.has(this.#state)
  }

  #step(byte: number): Step {
    switch (this.#state) {
      case State.VALUE_OR_END:
        return byte === closeBracket ? this.#close() : this.#value(byte)
      case State.NAME_OR_END:
        return byte === closeBrace ? this.#close() : this.#name(byte)
      case State.VALUE:
        return this.#value(byte)
      case State.NAME:
        return this.#name(byte)
      case State.AFTER_VALUE:
        return this.#afterValue(byte)
      case State.STRING:
        return this.#string(byte)
      case State.ESCAPE:
        return this.#escape(byte)
      case State.HEX:
        return this.#hex(byte)
      case State.WORD:
        return this.#word(byte)
      default:
        return this.#number(byte)
    }
  }

  #value(byte: number): Step {
    if (isSpace(byte)) {
      return Step.GO_ON
    }
    const word = words.get(byte)
    if (word !== undefined) {
      this.#literal = word
      this.#count = 1
      this.#state = State.WORD
    } else if (byte === openBrace) {
      this.#open(byte, Inside.NAME)
      this.#state = State.NAME_OR_END
    } else if (byte === openBracket) {
      this.#open(byte, Inside.ARRAY)
      this.#state = State.VALUE_OR_END
    } else if (byte === quoteMark) {
      this.#state = State.STRING
    } else if (byte === minus) {
      this.#state = State.MINUS
    } else if (isDigit(byte)) {
      this.#state = byte === zero ? State.ZERO : State.DIGITS
    } else {
      throw invalid(byte, 'looking for beginning of value')
    }
    return Step.GO_ON
  }

  #name(byte: number): Step {
    if (byte === quoteMark) {
      this.#state = State.STRING
    } else if (!isSpace(byte)) {
      throw invalid(byte, 'looking for beginning of object key string')
    }
    return Step.GO_ON
  }

  #afterValue(byte: number): Step {
    this.#state = State.AFTER_VALUE
    const last = this.#inside.length - 1
    if (last < 0) {
      return Step.ENDED
    }
    if (isSpace(byte)) {
      return Step.GO_ON
    }
    const inside = this.#inside[last]
    if (inside === Inside.NAME) {
      if (byte !== colon) {
        throw invalid(byte, 'after object key')
      }
      this.#inside[last] = Inside.OBJECT
      this.#state = State.VALUE
      return Step.GO_ON
    }
    if (byte === (inside === Inside.ARRAY ? closeBracket : closeBrace)) {
      return this.#close()
    }
    if (byte !== comma) {
      const what = inside === Inside.ARRAY ? 'array element' : 'object key:value pair'
      throw invalid(byte, `after ${what}`)
    }
    if (inside === Inside.OBJECT) {
      this.#inside[last] = Inside.NAME
    }
    this.#state = inside === Inside.ARRAY ? State.VALUE : State.NAME
    return Step.GO_ON
  }

  #open(byte: number, inside: Inside): void {
    if (this.#inside.push(inside) > depthMax) {
      throw invalid(byte, 'exceeded max depth')
    }
  }

  #close(): Step {
    this.#inside.pop()
    this.#state = State.AFTER_VALUE
    return this.#inside.length === 0 ? Step.END : Step.GO_ON
  }

  #string(byte: number): Step {
    if (byte === quoteMark) {
      this.#state = State.AFTER_VALUE
    } else if (byte === backslash) {
      this.#state = State.ESCAPE
    } else {
      throw invalid(byte, 'in string literal')
    }
    return Step.GO_ON
  }

  #escape(byte: number): Step {
    if (byte === smallU) {
      this.#count = 0
      this.#state = State.HEX
    } else if (escapes.has(byte)) {
      this.#state = State.STRING
    } else {
      throw invalid(byte, 'in string escape code')
    }
    return Step.GO_ON
  }

  #hex(byte: number): Step {
    // Setting the sixth bit makes a small letter of a capital one.
    const small = byte | 0x20
    if (!isDigit(byte) && (small < firstHexLetter || small > lastHexLetter)) {
      throw invalid(byte, 'in \\u hexadecimal character escape')
    }
    this.#count++
    if (this.#count === 4) {
      this.#state = State.STRING
    }
    return Step.GO_ON
  }

  #word(byte: number): Step {
    const expected = this.#literal.charAt(this.#count)
    if (byte !== byteOf(expected)) {
      throw invalid(byte, `in literal ${this.#literal} (expecting '${expected}')`)
    }
    this.#count++
    if (this.#count === this.#literal.length) {
      this.#state = State.AFTER_VALUE
    }
    return Step.GO_ON
  }

  #number(byte: number): Step {
    const state = this.#state
    if (isDigit(byte)) {
      if (state === State.ZERO) {
        return this.#afterValue(byte)
      }
      this.#state = afterDigit(state, byte)
      return Step.GO_ON
    }
    if (state === State.MINUS) {
      throw invalid(byte, 'in numeric literal')
    }
    if (state === State.POINT) {
      throw invalid(byte, 'after decimal point in numeric literal')
    }
    if (state === State.MARK && (byte === plus || byte === minus)) {
      this.#state = State.SIGN
    } else if (state === State.MARK || state === State.SIGN) {
      throw invalid(byte, 'in exponent of numeric literal')
    } else if (byte === point && (state === State.ZERO || state === State.DIGITS)) {
      this.#state = State.POINT
    } else if ((byte | 0x20) === smallE && state !== State.EXPONENT) {
      this.#state = State.MARK
    } else {
      return this.#afterValue(byte)
    }
    return Step.GO_ON
  }
}

/** Where a string has its next quote, backslash or control character. Most bytes pass here. */
function endOfPlainText(bytes: Uint8Array, from: number): number {
  let position = from
  while (position < bytes.length && plain[bytes[position] ?? 0] === 1) {
    position++
  }
  return position
}

/** Where the next byte is that is no space, from the position on. */
export function skipSpace(bytes: Uint8Array, from: number): number {
  let position = from
  while (position < bytes.length && isSpace(bytes[position] ?? 0)) {
    position++
  }
  return position
}

/** Whether a value goes on, ended before the byte, or ends with it. */
const Step = { GO_ON: 0, ENDED: 1, END: 2 } as const

type Step = (typeof Step)[keyof typeof Step]

/** What the next byte is part of. */
const State = {
  VALUE: 0,
  VALUE_OR_END: 1,
  NAME: 2,
  NAME_OR_END: 3,
  AFTER_VALUE: 4,
  STRING: 5,
  ESCAPE: 6,
  HEX: 7,
  WORD: 8,
  // Of a number: behind its sign, its leading zero, its digits, its point, …
  MINUS: 9,
  ZERO: 10,
  DIGITS: 11,
  POINT: 12,
  FRACTION: 13,
  // … its `e`, the sign and the digits of its exponent.
  MARK: 14,
  SIGN: 15,
  EXPONENT: 16,
} as const

type State = (typeof State)[keyof typeof State]

/** At the end of input these may be the last state of a value at top level. */
const completing: ReadonlySet<State> = new Set([
  State.AFTER_VALUE,
  State.ZERO,
  State.DIGITS,
  State.FRACTION,
  State.EXPONENT,
])

/** What a value stands in; in an object, before or after the colon. */
const Inside = { NAME: 0, OBJECT: 1, ARRAY: 2 } as const

type Inside = (typeof Inside)[keyof typeof Inside]

function afterDigit(state: State, digit: number): State {
  switch (state) {
    case State.MINUS:
      return digit === zero ? State.ZERO : State.DIGITS
    case State.POINT:
      return State.FRACTION
    case State.MARK:
    case State.SIGN:
      return State.EXPONENT
    default:
      return state
  }
}

const byteOf = (character: string): number => character.charCodeAt(0)

const quoteMark = byteOf('"')
const backslash = byteOf('\\')
const comma = byteOf(',')
const colon = byteOf(':')
const plus = byteOf('+')
const minus = byteOf('-')
const point = byteOf('.')
const zero = byteOf('0')
const nine = byteOf('9')
const firstHexLetter = byteOf('a')
const lastHexLetter = byteOf('f')
const smallE = byteOf('e')
const smallU = byteOf('u')
const openBrace = byteOf('{')
const closeBrace = byteOf('}')
const openBracket = byteOf('[')
const closeBracket = byteOf(']')

const plain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte !== quoteMark && byte !== backslash ? 1 : 0,
)
const words = new Map(['true', 'false', 'null'].map((word) => [byteOf(word), word]))
const escapes = new Set(Array.from('bfnrt\\/"', byteOf))

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= nine
}

function invalid(byte: number, where: string): RpcStatus {
  return new RpcStatus(Code.INVALID_ARGUMENT, `invalid character ${quoteByte(byte)} ${where}`)
}
