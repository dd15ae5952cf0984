import { JsonScanner, skipSpace } from '../protocol/json-scanner.ts'
import { RpcStatus } from '../protocol/status.ts'

/** What a client's JSON is refused with, in the words of Go's encoding/json. */
export class GoJsonError extends Error {
  override readonly name = 'GoJsonError'
}

/** As json.Unmarshal: the text is one value. Throws a GoJsonError. */
export function parseWhole(bytes: Uint8Array): unknown {
  const end = endOfValue(bytes)
  const rest = skipSpace(bytes, end)
  if (rest < bytes.length) {
    const character = String.fromCharCode(bytes[rest] ?? 0)
    throw new GoJsonError(`invalid character '${character}' after top-level value`)
  }
  return valueOf(bytes.subarray(0, end))
}

/** As json.Decoder: what comes behind the first value is not looked at. Throws a GoJsonError. */
export function parseFirst(bytes: Uint8Array): unknown {
  return valueOf(bytes.subarray(0, endOfValue(bytes)))
}

function endOfValue(bytes: Uint8Array): number {
  const scanner = new JsonScanner()
  try {
    const end = scanner.scan(bytes, 0)
    if (end !== -1) {
      return end
    }
  } catch (error) {
    if (error instanceof RpcStatus) {
      throw new GoJsonError(error.message, { cause: error })
    }
    throw error
  }
  if (!scanner.endsHere()) {
    throw new GoJsonError('unexpected end of JSON input')
  }
  return bytes.length
}

function valueOf(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes))
}

/** What Go calls the type of a JSON value. */
export function goKind(value: unknown): string {
  if (Array.isArray(value)) {
    return 'array'
  }
  return typeof value === 'boolean' ? 'bool' : typeof value
}

/**
 * The fields of an object by Go's rules: their case does not matter, the last one counts, and null
 * leaves what was there.
 */
export function fieldsOf(value: object, names: readonly string[]): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>()
  for (const [name, field] of Object.entries(value)) {
    const known = names.find((one) => one.toLowerCase() === name.toLowerCase())
    if (known !== undefined && field !== null) {
      fields.set(known, field)
    }
  }
  return fields
}

/** A list of texts, in which null is an empty one; undefined where it is something else. */
export function textsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) {
    return undefined
  }
  const texts = value.map((one: unknown) => one ?? '')
  return texts.every((one) => typeof one === 'string') ? texts : undefined
}
