import { bytesOfText, textOfBytes } from '../protocol/byte-text.ts'
import { parseMediaType } from './v2-media-type.ts'

/** Go reads no longer form than that (net/http's parsePostForm). */
export const FORM_BYTES_MAX = 10 * 1024 * 1024

/** Why a form is none, in Go's words. */
export class FormError extends Error {
  override readonly name = 'FormError'
}

/**
 * A request's parameters as Go's ParseForm has them: those of the body of a PUT or POST before those
 * of the query. Only the first of a name counts.
 */
export class V2Form {
  readonly #values = new Map<string, string>()

  /** Whether it has nothing, or that name alone. */
  hasOnly(name: string): boolean {
    return this.#values.size === (this.#values.has(name) ? 1 : 0)
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** A byte text; empty where there is none. */
  get(name: string): string {
    return this.#values.get(name) ?? ''
  }

  add(name: string, value: string): void {
    if (!this.#values.has(name)) {
      this.#values.set(name, value)
    }
  }
}

/** What a form is read of. */
export interface FormSource {
  readonly method: string
  readonly contentType: string | null
  /** Behind the question mark. */
  readonly query: string
  /** Of a PUT or POST whose type is `isForm`; `too-long` is one of more than `FORM_BYTES_MAX`. */
  readonly body: Uint8Array | 'too-long'
}

/** Whether a request's body is looked at. */
export function hasForm(method: string, contentType: string | null): boolean {
  return (
    (method === 'PUT' || method === 'POST') &&
    parseMediaType(contentType).type === 'application/x-www-form-urlencoded'
  )
}

/** Throws a FormError. */
export function parseForm({ method, contentType, query, body }: FormSource): V2Form {
  const form = new V2Form()
  let problem: string | undefined
  if (method === 'PUT' || method === 'POST') {
    const { type, problem: ofType } = parseMediaType(contentType)
    problem = ofType
    if (type === 'application/x-www-form-urlencoded') {
      const ofBody =
        body === 'too-long' ? 'http: POST too large' : parseQuery(textOfBytes(body), form)
      problem ??= ofBody
    }
  }
  const ofQuery = parseQuery(query, form)
  problem ??= ofQuery
  if (problem !== undefined) {
    throw new FormError(problem)
  }
  return form
}

/** Go's url.ParseQuery: what is wrong is passed over, and the first problem answered. */
function parseQuery(query: string, form: V2Form): string | undefined {
  let problem: string | undefined
  for (const pair of query.split('&')) {
    if (pair.includes(';')) {
      problem ??= 'invalid semicolon separator in query'
    } else if (pair !== '') {
      const equals = pair.indexOf('=')
      const name = equals === -1 ? pair : pair.slice(0, equals)
      const value = equals === -1 ? '' : pair.slice(equals + 1)
      const wrong = wrongEscape(name) ?? wrongEscape(value)
      if (wrong === undefined) {
        form.add(unescapeQuery(name), unescapeQuery(value))
      } else {
        problem ??= `invalid URL escape ${JSON.stringify(wrong)}`
      }
    }
  }
  return problem
}

function wrongEscape(text: string): string | undefined {
  return text.includes('%') ? /%(?![\da-f]{2})[^]{0,2}/i.exec(text)?.[0] : undefined
}

function unescapeQuery(text: string): string {
  if (!text.includes('%')) {
    return text.includes('+') ? text.replaceAll('+', ' ') : text
  }
  const bytes = bytesOfText(text)
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte === 0x25) {
      bytes[length++] = (digit(bytes[at + 1]) << 4) | digit(bytes[at + 2])
      at += 2
    } else {
      bytes[length++] = byte === 0x2b ? 0x20 : byte
    }
  }
  return textOfBytes(bytes.subarray(0, length))
}

/** Of a hexadecimal digit's code. */
function digit(code = 0): number {
  return code <= 0x39 ? code - 0x30 : (code | 0x20) - 0x57
}
