import { ignored, type ScalarReader, scalarReader } from './json-scalar.ts'
/**
 * Requests in JSON, taken and refused as etcd's gateway does it, which reads twice: encoding/json
 * finds the first value of the body, then protojson (with DiscardUnknown) reads it.
 */
import { JsonScanner, skipSpace } from './json-scanner.ts'
import { JsonTokens } from './json-tokens.ts'
import type { Field, MessageFields, MessageType } from './message-type.ts'
import { Code, RpcStatus } from './status.ts'

/**
 * The message of the first JSON value in the body: what comes after it is not looked at, and a
 * body without one stands for `{}`. Throws an RpcStatus with etcd's code and text.
 */
export function decodeJson<T extends object>(type: MessageType<T>, body: Uint8Array): T {
  const start = skipSpace(body, 0)
  if (start === body.length) {
    return type.empty()
  }
  const scanner = new JsonScanner()
  const end = scanner.scan(body, start)
  if (end < 0 && !scanner.endsHere()) {
    throw new RpcStatus(Code.INVALID_ARGUMENT, 'unexpected EOF')
  }
  return decodeJsonValue(type, body.subarray(start, end < 0 ? body.length : end))
}

/**
 * The message of one JSON value that `JsonScanner` has passed, without spaces around it. Values
 * may be nested as deep as the scanner allows, which is more than the stack of a Worker has room
 * for: open messages and lists are linked to each other instead.
 */
export function decodeJsonValue<T extends object>(type: MessageType<T>, value: Uint8Array): T {
  const tokens = new JsonTokens(value)
  const result = type.empty()
  let open: Open | undefined = openMessage(tokens, type, result, undefined)
  while (open !== undefined) {
    open = open.list === undefined ? readField(tokens, open) : readElement(tokens, open, open.list)
  }
  return result
}

/** A message under way or, with `list`, a list of messages. */
interface Open {
  readonly fields: ReadonlyMap<string, JsonField>
  readonly target: MessageFields
  readonly list: MessageList | undefined
  readonly outer: Open | undefined
  /** One bit for each field that was named, … */
  named: number
  /** … and for each that got more than a null. */
  set: number
}

interface MessageList {
  readonly type: MessageType<object>
  readonly elements: unknown[]
}

function openMessage(
  tokens: JsonTokens,
  type: MessageType<object>,
  target: object,
  outer: Open | undefined,
): Open {
  if (tokens.next() !== '{') {
    throw tokens.unexpected()
  }
  const fields = fieldsOf(type)
  return { fields, target: target as MessageFields, list: undefined, outer, named: 0, set: 0 }
}

/** Returns what is open afterwards. */
function readElement(tokens: JsonTokens, open: Open, list: MessageList): Open | undefined {
  if (tokens.peek() === ']') {
    tokens.next()
    return open.outer
  }
  const element = list.type.empty()
  list.elements.push(element)
  return openMessage(tokens, list.type, element, open)
}

/** Returns what is open afterwards. */
function readField(tokens: JsonTokens, open: Open): Open | undefined {
  if (tokens.next() === '}') {
    return open.outer
  }
  const field = open.fields.get(tokens.string)
  if (field === undefined) {
    tokens.skipValue()
    return open
  }
  const { start } = tokens
  const name = tokens.raw()
  if ((open.named & field.bit) !== 0) {
    throw tokens.fault(start, `duplicate field ${name}`)
  }
  open.named |= field.bit
  if (tokens.peek() === 'n') {
    tokens.next()
    return open
  }
  if ((open.set & field.oneofBits) !== 0) {
    const what = `error parsing ${name}, oneof ${field.oneof} is already set`
    throw tokens.fault(start, what)
  }
  open.set |= field.bit
  return field.read(tokens, open)
}

interface JsonField {
  readonly bit: number
  /** The bits of all members of the oneof that the field is a member of. */
  readonly oneofBits: number
  readonly oneof: string
  /** Reads the value into the message that is open and returns what is open afterwards. */
  readonly read: (tokens: JsonTokens, open: Open) => Open
}

const fieldMaps = new Map<MessageType<object>, ReadonlyMap<string, JsonField>>()

/** The fields under both names that protojson knows them by. */
function fieldsOf(type: MessageType<object>): ReadonlyMap<string, JsonField> {
  let fields = fieldMaps.get(type)
  if (fields === undefined) {
    fields = new Map(
      type.fields.flatMap((field, index) => {
        const jsonField: JsonField = {
          bit: 1 << index,
          oneofBits: oneofBits(type, field),
          oneof: field.oneof ?? '',
          read: valueReader(field),
        }
        return [
          [field.name, jsonField],
          [field.property, jsonField],
        ]
      }),
    )
    fieldMaps.set(type, fields)
  }
  return fields
}

function oneofBits(type: MessageType<object>, { oneof }: Field): number {
  return oneof === undefined
    ? 0
    : type.fields.reduce((bits, other, index) => bits | (other.oneof === oneof ? 1 << index : 0), 0)
}

function valueReader(field: Field): JsonField['read'] {
  if (field.kind === 'message') {
    return field.repeated
      ? messageListReader(field.property, field.message)
      : messageReader(field.property, field.message)
  }
  const read = scalarReader(field)
  return field.repeated ? scalarListReader(field, read) : singleReader(field, read)
}

function messageReader(property: string, type: () => MessageType<object>): JsonField['read'] {
  return (tokens, open) => {
    const message = type().empty()
    open.target[property] = message
    return openMessage(tokens, type(), message, open)
  }
}

function messageListReader(property: string, type: () => MessageType<object>): JsonField['read'] {
  return (tokens, open) => {
    expectList(tokens)
    const list = { type: type(), elements: open.target[property] as unknown[] }
    return { ...open, list, outer: open }
  }
}

function singleReader(field: Field, read: ScalarReader): JsonField['read'] {
  return (tokens, open) => {
    const value = readScalar(tokens, field, read)
    if (value !== ignored) {
      open.target[field.property] = value
    }
    return open
  }
}

function scalarListReader(field: Field, read: ScalarReader): JsonField['read'] {
  return (tokens, open) => {
    expectList(tokens)
    const elements = open.target[field.property] as unknown[]
    while (tokens.peek() !== ']') {
      const value = readScalar(tokens, field, read)
      if (value !== ignored) {
        elements.push(value)
      }
    }
    tokens.next()
    return open
  }
}

function expectList(tokens: JsonTokens): void {
  if (tokens.next() !== '[') {
    throw tokens.unexpected()
  }
}

function readScalar(tokens: JsonTokens, field: Field, read: ScalarReader): unknown {
  const value = read(tokens, tokens.next())
  if (value === undefined) {
    const kind = field.kind.replace('-id', '')
    const what = `invalid value for ${kind} field ${field.property}: ${tokens.raw()}`
    throw tokens.fault(tokens.start, what)
  }
  return value
}
