// All message types, and random messages of them.
import * as fc from 'fast-check'
import * as messages from '../../src/protocol/generated/messages.ts'
import type { Field, MessageFields, MessageType } from '../../src/protocol/message-type.ts'

export const messageTypes: readonly MessageType<object>[] = Object.values(messages).filter(
  (value): value is MessageType<object> & typeof value => 'fields' in value,
)

export function messageType(name: string): MessageType<object> {
  const found = messageTypes.find((type) => type.name === name)
  if (found === undefined) {
    throw new Error(`there is no message ${name}`)
  }
  return found
}

/** A type with one of its messages, nested at most three deep. */
export const anyMessage = fc
  .constantFrom(...messageTypes)
  .chain((type) => fc.record({ type: fc.constant(type), message: messageOf(type, 3) }))

export function messageOf(type: MessageType<object>, depth: number): fc.Arbitrary<object> {
  const fields = type.fields.filter((field) => field.kind !== 'message' || depth > 0)
  const oneof = fields.filter((field) => field.oneof !== undefined)
  const values = Object.fromEntries(
    fields
      .filter((field) => field.oneof === undefined)
      .map((field) => [field.property, fieldValue(field, depth)]),
  )
  const noMember = fc.constant<MessageFields>({})
  return fc
    .tuple(fc.record(values), fc.oneof(noMember, ...oneof.map((field) => oneMember(field, depth))))
    .map(([most, one]) => ({ ...type.empty(), ...most, ...one }))
}

function oneMember(field: Field, depth: number): fc.Arbitrary<MessageFields> {
  return elementOf(field, depth).map((value) => ({ [field.property]: value }))
}

function fieldValue(field: Field, depth: number): fc.Arbitrary<unknown> {
  const element = elementOf(field, depth)
  if (field.repeated) {
    return fc.array(element, { maxLength: 3 })
  }
  return field.kind === 'message' ? fc.option(element, { nil: undefined }) : element
}

function elementOf(field: Field, depth: number): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'message':
      return messageOf(field.message(), depth - 1)
    case 'enum':
      return fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...Object.values(field.enum)) },
        fc.integer(),
      )
    case 'bool':
      return fc.boolean()
    case 'bytes':
      return fc.uint8Array({ maxLength: 40 })
    case 'string':
      return fc.string({ unit: 'binary', maxLength: 20 })
    case 'uint32':
      return fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 2 ** 32 - 1 }))
    case 'int64':
      return fc.oneof(fc.integer({ min: -3, max: 300 }), fc.maxSafeInteger())
    case 'uint64':
      return fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat())
    case 'int64-wide':
      return fc.oneof(
        fc.maxSafeInteger(),
        fc.bigInt(2n ** 53n, 2n ** 63n - 1n),
        fc.bigInt(-(2n ** 63n), -(2n ** 53n)),
      )
    case 'int64-id':
      return fc.oneof(fc.bigInt({ min: -3n, max: 300n }), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n))
    case 'uint64-id':
      return fc.oneof(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt(0n, 2n ** 64n - 1n))
  }
}
