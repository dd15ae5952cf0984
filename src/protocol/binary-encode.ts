import { keyValueSize, writeKeyValue } from './binary-key-value.ts'
import { KeyValue } from './generated/messages.ts'
import type { EnumField, Field, MessageFields, MessageType, ScalarField } from './message-type.ts'
import { bigintSize, int64Size, uint32Size, uint64Size, WireType, type WireWriter } from './wire.ts'

/**
 * Lengths come before what they count, so a message is measured first and written second. `sizes`
 * are the lengths of the messages below the first, in the order in which both passes meet them:
 * without it each level of nesting would be measured again by every level above it.
 */
export interface Sizes {
  readonly sizes: number[]
  /** The lengths of messages that were measured before, and are not looked into again. */
  readonly known?: ReadonlyMap<object, number>
}

export interface Output {
  readonly writer: WireWriter
  readonly sizes: readonly number[]
  next: number
}

/** How one type is measured and written: made once, when the type is first met. */
interface Encoder {
  readonly measure: (value: object, sizes: Sizes) => number
  readonly write: (value: object, output: Output) => void
}

export function measure(type: MessageType<object>, value: object, sizes: Sizes): number {
  return encoderOf(type).measure(value, sizes)
}

export function write(type: MessageType<object>, value: object, output: Output): void {
  encoderOf(type).write(value, output)
}

const keyValueEncoder: Encoder = {
  measure: (value) => keyValueSize(value as KeyValue),
  write: (value, { writer }) => writeKeyValue(value as KeyValue, writer),
}

const encoders = new Map<MessageType<object>, Encoder>([[KeyValue, keyValueEncoder]])

function encoderOf(type: MessageType<object>): Encoder {
  let encoder = encoders.get(type)
  if (encoder === undefined) {
    encoder = messageEncoder(type)
    encoders.set(type, encoder)
  }
  return encoder
}

interface FieldEncoder {
  readonly property: string
  readonly measure: (value: unknown, sizes: Sizes) => number
  readonly write: (value: unknown, output: Output) => void
}

function messageEncoder(type: MessageType<object>): Encoder {
  const fields = type.fields.map(fieldEncoder)
  return {
    measure: (value, sizes) => {
      let size = 0
      for (const field of fields) {
        size += field.measure((value as MessageFields)[field.property], sizes)
      }
      return size
    },
    write: (value, output) => {
      for (const field of fields) {
        field.write((value as MessageFields)[field.property], output)
      }
    },
  }
}

function fieldEncoder(field: Field): FieldEncoder {
  if (field.kind === 'message') {
    const element = messageElement(field.number, field.message)
    return field.repeated ? listEncoder(field.property, element) : optionalEncoder(field, element)
  }
  const element = scalarElement(field)
  if (field.repeated) {
    return scalars[field.kind].wireType === WireType.VARINT
      ? packedEncoder(field)
      : listEncoder(field.property, element)
  }
  return field.oneof === undefined ? plainEncoder(field, element) : optionalEncoder(field, element)
}

/** A value with the tag before it. */
interface Element {
  readonly measure: (value: unknown, sizes: Sizes) => number
  readonly write: (value: unknown, output: Output) => void
}

function messageElement(number: number, type: () => MessageType<object>): Element {
  const tag = number * 8 + WireType.BYTES
  const tagSize = uint32Size(tag)
  let encoder: Encoder | undefined
  return {
    measure: (value, sizes) => {
      encoder ??= encoderOf(type())
      const index = sizes.sizes.push(0) - 1
      const size = sizes.known?.get(value as object) ?? encoder.measure(value as object, sizes)
      sizes.sizes[index] = size
      return tagSize + uint32Size(size) + size
    },
    write: (value, output) => {
      encoder ??= encoderOf(type())
      output.writer.uint32(tag)
      output.writer.uint32(output.sizes[output.next++] ?? 0)
      encoder.write(value as object, output)
    },
  }
}

function scalarElement(field: ScalarField | EnumField): Element {
  const { wireType, size, write: writeValue } = scalars[field.kind]
  const tag = field.number * 8 + wireType
  const tagSize = uint32Size(tag)
  return {
    measure: (value) => tagSize + size(value),
    write: (value, output) => {
      output.writer.uint32(tag)
      writeValue(output.writer, value)
    },
  }
}

/** A proto3 scalar: its zero is not written. */
function plainEncoder({ kind, property }: ScalarField | EnumField, element: Element): FieldEncoder {
  const { isZero } = scalars[kind]
  return {
    property,
    measure: (value, sizes) => (isZero(value) ? 0 : element.measure(value, sizes)),
    write: (value, output) => {
      if (!isZero(value)) {
        element.write(value, output)
      }
    },
  }
}

/** A sub-message or a member of a oneof: written whenever it is there, be it zero. */
function optionalEncoder({ property }: Field, element: Element): FieldEncoder {
  return {
    property,
    measure: (value, sizes) => (value === undefined ? 0 : element.measure(value, sizes)),
    write: (value, output) => {
      if (value !== undefined) {
        element.write(value, output)
      }
    },
  }
}

function listEncoder(property: string, element: Element): FieldEncoder {
  return {
    property,
    measure: (values, sizes) => {
      let size = 0
      for (const value of values as readonly unknown[]) {
        size += element.measure(value, sizes)
      }
      return size
    },
    write: (values, output) => {
      for (const value of values as readonly unknown[]) {
        element.write(value, output)
      }
    },
  }
}

/** proto3 joins the numbers of a list under one tag. */
function packedEncoder({ kind, number, property }: ScalarField | EnumField): FieldEncoder {
  const { size: sizeOfValue, write: writeValue } = scalars[kind]
  const tag = number * 8 + WireType.BYTES
  const measureAll = (values: readonly unknown[]): number =>
    values.reduce<number>((size, value) => size + sizeOfValue(value), 0)
  return {
    property,
    measure: (list) => {
      const values = list as readonly unknown[]
      const size = measureAll(values)
      return values.length === 0 ? 0 : uint32Size(tag) + uint32Size(size) + size
    },
    write: (list, output) => {
      const values = list as readonly unknown[]
      if (values.length > 0) {
        output.writer.uint32(tag)
        output.writer.uint32(measureAll(values))
        values.forEach((value) => writeValue(output.writer, value))
      }
    },
  }
}

interface Scalar {
  readonly wireType: number
  readonly isZero: (value: unknown) => boolean
  readonly size: (value: unknown) => number
  readonly write: (writer: WireWriter, value: unknown) => void
}

const utf8 = new TextEncoder()

const isZeroNumber = (value: unknown): boolean => value === 0

const int64: Scalar = {
  wireType: WireType.VARINT,
  isZero: isZeroNumber,
  size: (value) => int64Size(value as number),
  write: (writer, value) => writer.int64(value as number),
}

const id: Scalar = {
  wireType: WireType.VARINT,
  isZero: (value) => value === 0n,
  size: (value) => bigintSize(value as bigint),
  write: (writer, value) => writer.bigint(value as bigint),
}

const wide: Scalar = {
  wireType: WireType.VARINT,
  isZero: isZeroNumber,
  size: (value) => (typeof value === 'bigint' ? id : int64).size(value),
  write: (writer, value) => (typeof value === 'bigint' ? id : int64).write(writer, value),
}

const scalars: Readonly<Record<ScalarField['kind'] | 'enum', Scalar>> = {
  'bool': {
    wireType: WireType.VARINT,
    isZero: (value) => value === false,
    size: () => 1,
    write: (writer, value) => writer.uint32(value === true ? 1 : 0),
  },
  'bytes': {
    wireType: WireType.BYTES,
    isZero: (value) => (value as Uint8Array).length === 0,
    size: (value) => {
      const { length } = value as Uint8Array
      return uint32Size(length) + length
    },
    write: (writer, value) => writer.lengthAndBytes(value as Uint8Array),
  },
  'string': {
    wireType: WireType.BYTES,
    isZero: (value) => value === '',
    size: (value) => {
      const { length } = utf8.encode(value as string)
      return uint32Size(length) + length
    },
    write: (writer, value) => writer.lengthAndBytes(utf8.encode(value as string)),
  },
  'uint32': {
    wireType: WireType.VARINT,
    isZero: isZeroNumber,
    size: (value) => uint32Size(value as number),
    write: (writer, value) => writer.uint32(value as number),
  },
  'enum': int64,
  'int64': int64,
  'uint64': {
    wireType: WireType.VARINT,
    isZero: isZeroNumber,
    size: (value) => uint64Size(value as number),
    write: (writer, value) => writer.uint64(value as number),
  },
  'int64-id': id,
  'int64-wide': wide,
  'uint64-id': id,
}
