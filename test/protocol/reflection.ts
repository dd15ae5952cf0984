// protobufjs, reading the same .proto files at run time, as a second opinion on the binary form.
import { basename, join } from 'node:path'
import protobuf from 'protobufjs'
import type { Field, MessageFields, MessageType } from '../../src/protocol/message-type.ts'

const folder = join(import.meta.dirname, '../../src/protocol/proto')
const root = new protobuf.Root()
root.resolvePath = (_origin, target) => join(folder, basename(target))
root.loadSync(['lock.proto', 'election.proto', 'lease.proto'], { keepCase: true }).resolveAll()

export function reflectedEncode(type: MessageType<object>, message: object): Uint8Array {
  const reflected = root.lookupType(type.name)
  return reflected.encode(reflected.fromObject(toPlain(type, message))).finish()
}

/** By the names of the .proto files, 64-bit integers as strings, without what is not written. */
function toPlain(type: MessageType<object>, message: object): MessageFields {
  const plain: MessageFields = {}
  for (const field of type.fields) {
    const value = (message as MessageFields)[field.property]
    if (value !== undefined && (field.oneof !== undefined || !isZero(value))) {
      plain[field.name] = Array.isArray(value)
        ? value.map((element: unknown) => plainValue(field, element))
        : plainValue(field, value)
    }
  }
  return plain
}

function plainValue(field: Field, value: unknown): unknown {
  if (field.kind === 'message') {
    return toPlain(field.message(), value as object)
  }
  return field.kind.includes('64') ? String(value) : value
}

function isZero(value: unknown): boolean {
  const empty = (Array.isArray(value) || value instanceof Uint8Array) && value.length === 0
  return empty || value === 0 || value === 0n || value === false || value === ''
}
