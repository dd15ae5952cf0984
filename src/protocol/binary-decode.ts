import type { EnumField, Field, MessageFields, MessageType, ScalarField } from './message-type.ts'
import { WireError, type WireReader, WireType } from './wire.ts'

/** grpc-go's own limit (protowire.DefaultRecursionLimit). */
const depthMax = 10_000

/**
 * A message may hold messages ten thousand deep, which is more than the stack of a Worker has room
 * for: the ones that are open stand in a list of ours instead.
 */
export function decodeMessage<T extends object>(type: MessageType<T>, reader: WireReader): T {
  const result = type.empty()
  const open: Open[] = []
  let decoder = decoderOf(type)
  let target = result as MessageFields
  for (;;) {
    while (reader.position === reader.end) {
      const outer = open.pop()
      if (outer === undefined) {
        return result
      }
      decoder = outer.decoder
      target = outer.target
      reader.end = outer.end
    }
    const tag = reader.tag()
    const field = decoder[tag >>> 3]
    if (field === undefined) {
      reader.skip(tag)
    } else if (field.read !== undefined) {
      field.read(reader, target, tag)
    } else if ((tag & 7) !== WireType.BYTES) {
      reader.skip(tag)
    } else {
      const length = reader.length()
      if (open.push({ decoder, target, end: reader.end }) >= depthMax) {
        throw new WireError('messages are nested too deep')
      }
      reader.end = reader.position + length
      target = field.begin(target)
      decoder = decoderOf(field.message())
    }
  }
}

interface Open {
  readonly decoder: Decoder
  readonly target: MessageFields
  readonly end: number
}

/** The fields by their numbers. */
type Decoder = readonly (FieldDecoder | undefined)[]

type FieldDecoder = ScalarDecoder | MessageDecoder

interface ScalarDecoder {
  /** Takes the value of a field whose tag was read. */
  readonly read: (reader: WireReader, target: MessageFields, tag: number) => void
}

interface MessageDecoder {
  readonly read?: undefined
  readonly message: () => MessageType<object>
  /** The message that the bytes to come fill. */
  readonly begin: (target: MessageFields) => MessageFields
}

const decoders = new Map<MessageType<object>, Decoder>()

function decoderOf(type: MessageType<object>): Decoder {
  let decoder = decoders.get(type)
  if (decoder === undefined) {
    const byNumber: (FieldDecoder | undefined)[] = []
    for (const field of type.fields) {
      byNumber[field.number] = fieldDecoder(field, type.fields)
    }
    decoder = byNumber
    decoders.set(type, decoder)
  }
  return decoder
}

function fieldDecoder(field: Field, all: readonly Field[]): FieldDecoder {
  const { property, oneof } = field
  const rivals =
    oneof === undefined
      ? []
      : all
          .filter((other) => other.oneof === oneof && other !== field)
          .map((other) => other.property)
  if (field.kind !== 'message') {
    return { read: field.repeated ? listReader(field) : singleReader(field, rivals) }
  }
  const { message } = field
  if (field.repeated) {
    return {
      message,
      begin: (target) => {
        const element = message().empty() as MessageFields
        ;(target[property] as unknown[]).push(element)
        return element
      },
    }
  }
  return {
    message,
    begin: (target) => {
      clear(target, rivals)
      // A sub-message that comes in two pieces is the sum of both.
      const value = (target[property] ?? message().empty()) as MessageFields
      target[property] = value
      return value
    },
  }
}

/** Of the members of a oneof the last one wins. */
function clear(target: MessageFields, rivals: readonly string[]): void {
  for (const rival of rivals) {
    target[rival] = undefined
  }
}

function singleReader(
  field: ScalarField | EnumField,
  rivals: readonly string[],
): ScalarDecoder['read'] {
  const { property } = field
  const { wireType, read } = scalars[field.kind]
  const expected = field.number * 8 + wireType
  return (reader, target, tag) => {
    if (tag !== expected) {
      reader.skip(tag)
      return
    }
    if (rivals.length > 0) {
      clear(target, rivals)
    }
    target[property] = read(reader)
  }
}

/** Numbers come packed or one by one, whatever the .proto file says. */
function listReader(field: ScalarField | EnumField): ScalarDecoder['read'] {
  const { wireType, read } = scalars[field.kind]
  const single = field.number * 8 + wireType
  const packed = field.number * 8 + WireType.BYTES
  return (reader, target, tag) => {
    const list = target[field.property] as unknown[]
    if (tag === single) {
      list.push(read(reader))
    } else if (tag === packed) {
      const { end } = reader
      reader.end = reader.length() + reader.position
      while (reader.position < reader.end) {
        list.push(read(reader))
      }
      reader.end = end
    } else {
      reader.skip(tag)
    }
  }
}

interface Scalar {
  readonly wireType: number
  readonly read: (reader: WireReader) => unknown
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function readText(reader: WireReader): string {
  try {
    return utf8.decode(reader.view())
  } catch (error) {
    throw error instanceof TypeError ? new WireError('a string is not UTF-8') : error
  }
}

const { VARINT, BYTES } = WireType

const scalars: Readonly<Record<ScalarField['kind'] | 'enum', Scalar>> = {
  'bool': { wireType: VARINT, read: (reader) => reader.bool() },
  'bytes': { wireType: BYTES, read: (reader) => reader.view() },
  'string': { wireType: BYTES, read: readText },
  'uint32': { wireType: VARINT, read: (reader) => reader.uint32() },
  'enum': { wireType: VARINT, read: (reader) => reader.enum() },
  'int64': { wireType: VARINT, read: (reader) => reader.int64() },
  'uint64': { wireType: VARINT, read: (reader) => reader.uint64() },
  'int64-wide': { wireType: VARINT, read: (reader) => reader.int64Wide() },
  'int64-id': { wireType: VARINT, read: (reader) => reader.int64Bigint() },
  'uint64-id': { wireType: VARINT, read: (reader) => reader.uint64Bigint() },
}
