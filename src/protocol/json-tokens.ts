import { quoteBytes } from './go-quote.ts'
import { Code, RpcStatus } from './status.ts'

/** A token is called by what it begins with, a number by `0`. */
export type Token = '{' | '}' | '[' | ']' | '"' | '0' | 't' | 'f' | 'n'

/**
 * The tokens of one JSON value that `JsonScanner` has found to be without fault. Commas and colons
 * then say nothing that the other tokens do not, and are passed over like spaces.
 *
 * What a scanner does not look at is the text inside of strings: bytes that are no UTF-8 and halves
 * of surrogate pairs are found here, with protobuf-go's texts (internal/encoding/json).
 */
export class JsonTokens {
  /** Of the token last read. */
  start = 0
  /** What the string last read says. */
  string = ''

  readonly #bytes: Uint8Array
  readonly #text: string
  /** Where in the text the first byte is that is no UTF-8. */
  readonly #invalidAt: number
  #position = 0
  #nextBackslash: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    const { text, invalidAt } = toText(bytes)
    this.#text = text
    this.#invalidAt = invalidAt
    this.#nextBackslash = this.#find('\\', 0)
  }

  next(): Token {
    this.start = this.#skipSeparators()
    const token = this.#text.charAt(this.start)
    switch (token) {
      case '{':
      case '}':
      case '[':
      case ']':
        this.#position = this.start + 1
        return token
      case '"':
        this.#readString()
        return token
      case 't':
      case 'n':
        this.#position = this.start + 4
        return token
      case 'f':
        this.#position = this.start + 5
        return token
      default:
        this.#position = this.#numberEnd()
        return '0'
    }
  }

  /** The token to come, without reading it. */
  peek(): string {
    return this.#text.charAt(this.#skipSeparators())
  }

  /** The source text of the token last read. */
  raw(): string {
    return this.#text.slice(this.start, this.#position)
  }

  /** Passes over the value to come, with all that is in it. */
  skipValue(): void {
    let open = 0
    do {
      const token = this.next()
      if (token === '{' || token === '[') {
        open++
      } else if (token === '}' || token === ']') {
        open--
      }
    } while (open > 0)
  }

  /** A fault of the token that starts there. */
  fault(start: number, message: string): RpcStatus {
    return protoError(`(${this.#place(start)}): ${message}`)
  }

  /** The same for what protobuf-go takes for a fault of syntax. */
  syntaxFault(start: number, message: string): RpcStatus {
    return protoError(`syntax error (${this.#place(start)}): ${message}`)
  }

  unexpected(): RpcStatus {
    return this.syntaxFault(this.start, `unexpected token ${this.raw()}`)
  }

  #skipSeparators(): number {
    let position = this.#position
    while (isSeparator(this.#text.charCodeAt(position))) {
      position++
    }
    this.#position = position
    return position
  }

  #numberEnd(): number {
    let position = this.start + 1
    while (isNumeric(this.#text.charCodeAt(position))) {
      position++
    }
    return position
  }

  #readString(): void {
    const first = this.start + 1
    const end = this.#find('"', first)
    if (this.#nextBackslash < end) {
      this.#readEscapedString(first)
      return
    }
    if (this.#invalidAt < end && this.#invalidAt >= first) {
      throw this.syntaxFault(this.start, 'invalid UTF-8 in string')
    }
    this.string = this.#text.slice(first, end)
    this.#position = end + 1
  }

  #readEscapedString(first: number): void {
    const text = this.#text
    let value = ''
    let position = first
    // Searched for again only behind a quote that turned out to be escaped: a megabyte of escapes
    // must not be searched once for each of them.
    let end = this.#find('"', position)
    for (;;) {
      if (end < position) {
        end = this.#find('"', position)
      }
      const stop = Math.min(end, this.#nextBackslash)
      if (this.#invalidAt < stop && this.#invalidAt >= position) {
        throw this.syntaxFault(this.start, 'invalid UTF-8 in string')
      }
      value += text.slice(position, stop)
      if (stop === end) {
        this.string = value
        this.#position = end + 1
        return
      }
      const letter = text.charAt(stop + 1)
      const pair = letter === 'u' ? this.#readUnicode(stop) : undefined
      value += pair ?? shortEscapes.get(letter) ?? letter
      position = stop + (letter === 'u' ? 6 * (pair?.length ?? 1) : 2)
      this.#nextBackslash = this.#find('\\', position)
    }
  }

  /** One unit, or both of a surrogate pair. Half a pair is no character that UTF-8 could hold. */
  #readUnicode(position: number): string {
    const unit = this.#hexUnit(position)
    if (unit < 0xd800 || unit > 0xdfff) {
      return String.fromCharCode(unit)
    }
    const rest = position + 6
    const second = this.#text.startsWith('\\u', rest) ? this.#hexUnit(rest) : 0
    if (unit > 0xdbff || second < 0xdc00 || second > 0xdfff) {
      throw this.#loneSurrogate(rest)
    }
    return String.fromCharCode(unit, second)
  }

  /** protobuf-go wants six more bytes, whatever they are, before it looks at them. */
  #loneSurrogate(rest: number): RpcStatus {
    const offset = new TextEncoder().encode(this.#text.slice(0, rest)).length
    if (this.#bytes.length - offset < 6) {
      return protoError('unexpected EOF')
    }
    const met = quoteBytes(this.#bytes.subarray(offset, offset + 6))
    return this.syntaxFault(this.start, `invalid escape code ${met} in string`)
  }

  #hexUnit(position: number): number {
    return Number.parseInt(this.#text.slice(position + 2, position + 6), 16)
  }

  /** Where the character is next; beyond the end if nowhere. */
  #find(character: string, from: number): number {
    const found = this.#text.indexOf(character, from)
    return found < 0 ? this.#text.length : found
  }

  #place(position: number): string {
    const lines = this.#text.slice(0, position).split('\n')
    const column = Array.from(lines.at(-1) ?? '').length + 1
    return `line ${lines.length}:${column}`
  }
}

/** The space is a non-breaking one: protobuf-go picks one of two by build, etcd's got this. */
function protoError(message: string): RpcStatus {
  return new RpcStatus(Code.INVALID_ARGUMENT, `proto:\u00a0${message}`)
}

const shortEscapes = new Map([
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })

function toText(bytes: Uint8Array): { readonly text: string; readonly invalidAt: number } {
  try {
    return { text: strict.decode(bytes), invalidAt: Infinity }
  } catch (error) {
    if (!(error instanceof TypeError)) {
      throw error
    }
  }
  const text = lenient.decode(bytes)
  // What is no UTF-8 became a U+FFFD, of whose own bytes the first, second or third is another.
  const again = new TextEncoder().encode(text)
  const differing = bytes.findIndex((byte, index) => byte !== again[index])
  return { text, invalidAt: lenient.decode(again.subarray(0, differing + 1)).length - 1 }
}

/** Space, line feed, carriage return, tab, comma, colon. */
function isSeparator(code: number): boolean {
  return (
    code === 0x20 ||
    code === 0x2c ||
    code === 0x3a ||
    code === 0x0a ||
    code === 0x0d ||
    code === 0x09
  )
}

/** Digits and `+-.eE`: what a number goes on with. */
function isNumeric(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2b ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x45 ||
    code === 0x65
  )
}
