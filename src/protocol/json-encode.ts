/**
 * The JSON that etcd's gateway answers with (protojson with UseProtoNames, without
 * EmitUnpopulated): names as in the .proto files, in the order of their numbers, zeros left out,
 * 64-bit integers as strings, enums by name, bytes in base64. Written without spaces.
 */
import { toBase64 } from './base64.ts'
import { KeyValue } from './generated/messages.ts'
import { quote, quoteForHtml } from './json-text.ts'
import type {
  EnumField,
  EnumType,
  Field,
  MessageFields,
  MessageType,
  ScalarField,
} from './message-type.ts'

const int64Max = 2n ** 63n - 1n
const uint64Max = 2n ** 64n - 1n

/** A message as the body of a unary answer. */
export function encodeJson<T extends object>(type: MessageType<T>, value: T): string {
  return printerOf(type)(value, quote)
}

/** A message as a line of a streaming answer, without the newline. */
export function encodeJsonResult<T extends object>(type: MessageType<T>, value: T): string {
  return `{"result":${printerOf(type)(value, quoteForHtml)}}`
}

/** The elements of a list of messages with commas between them: a page of a long answer. */
export function encodeJsonElements<T extends object>(
  type: MessageType<T>,
  values: readonly T[],
): string {
  const print = printerOf(type)
  let text = ''
  for (const value of values) {
    text += text === '' ? print(value, quote) : `,${print(value, quote)}`
  }
  return text
}

/**
 * What comes before and after the elements of one list of a message, for an answer whose list is
 * too long to be held: `{"header":{…},"kvs":[` and `],"count":"3"}`. The list of `value` itself is
 * not looked at.
 */
export function encodeJsonAround<T extends object>(
  type: MessageType<T>,
  value: T,
  list: keyof T & string,
): readonly [before: string, after: string] {
  const at = type.fields.findIndex((field) => field.property === list)
  const name = type.fields[at]?.name ?? list
  const before = printFields(type.fields.slice(0, at).map(fieldPrinter), value, quote)
  const after = printFields(type.fields.slice(at + 1).map(fieldPrinter), value, quote)
  return [
    `{${before === '' ? '' : `${before},`}"${name}":[`,
    `]${after === '' ? '' : `,${after}`}}`,
  ]
}

/** `quoteText` is what prints strings, which differs between answers and lines of a stream. */
type Printer = (value: object, quoteText: (text: string) => string) => string

const printers = new Map<MessageType<object>, Printer>([[KeyValue, printKeyValue]])

function printerOf(type: MessageType<object>): Printer {
  let printer = printers.get(type)
  if (printer === undefined) {
    const fields = type.fields.map(fieldPrinter)
    printer = (value, quoteText) => `{${printFields(fields, value, quoteText)}}`
    printers.set(type, printer)
  }
  return printer
}

/** By hand, for the same reason as in `binary-key-value.ts`. */
function printKeyValue(value: object): string {
  const kv = value as KeyValue
  let text = kv.key.length === 0 ? '' : `,"key":"${toBase64(kv.key)}"`
  if (kv.createRevision !== 0) {
    text += `,"create_revision":"${integer(kv.createRevision, int64Max)}"`
  }
  if (kv.modRevision !== 0) {
    text += `,"mod_revision":"${integer(kv.modRevision, int64Max)}"`
  }
  if (kv.version !== 0) {
    text += `,"version":"${integer(kv.version, int64Max)}"`
  }
  if (kv.value.length !== 0) {
    text += `,"value":"${toBase64(kv.value)}"`
  }
  if (kv.lease !== 0n) {
    text += `,"lease":"${kv.lease}"`
  }
  return text === '' ? '{}' : `{${text.slice(1)}}`
}

interface FieldPrinter {
  readonly property: string
  /** `"name":` */
  readonly label: string
  readonly isAbsent: (value: unknown) => boolean
  readonly print: (value: unknown, quoteText: (text: string) => string) => string
}

function printFields(
  fields: readonly FieldPrinter[],
  value: object,
  quoteText: (text: string) => string,
): string {
  let text = ''
  for (const field of fields) {
    const fieldValue = (value as MessageFields)[field.property]
    if (!field.isAbsent(fieldValue)) {
      const printed = field.label + field.print(fieldValue, quoteText)
      text = text === '' ? printed : `${text},${printed}`
    }
  }
  return text
}

function fieldPrinter(field: Field): FieldPrinter {
  const { property } = field
  const label = `"${field.name}":`
  const print = elementPrinter(field)
  if (field.repeated) {
    return {
      property,
      label,
      isAbsent: (values) => (values as readonly unknown[]).length === 0,
      print: (values, quoteText) => {
        const texts = (values as readonly unknown[]).map((value) => print(value, quoteText))
        return `[${texts.join(',')}]`
      },
    }
  }
  const optional = field.kind === 'message' || field.oneof !== undefined
  const isAbsent = optional ? (value: unknown) => value === undefined : isZero[field.kind]
  return { property, label, isAbsent, print }
}

function elementPrinter(field: Field): FieldPrinter['print'] {
  if (field.kind === 'message') {
    let printer: Printer | undefined
    return (value, quoteText) => {
      printer ??= printerOf(field.message())
      return printer(value as object, quoteText)
    }
  }
  return field.kind === 'enum' ? enumPrinter(field.enum) : scalarPrinters[field.kind]
}

/** A number that has no name is printed as the number. */
function enumPrinter(numbers: EnumType): FieldPrinter['print'] {
  const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name]))
  return (value) => {
    const name = names.get(value as number)
    return name === undefined ? `${value as number}` : `"${name}"`
  }
}

const isZeroNumber = (value: unknown): boolean => value === 0
const isZeroId = (value: unknown): boolean => value === 0n

const isZero: Readonly<Record<(ScalarField | EnumField)['kind'], FieldPrinter['isAbsent']>> = {
  'bool': (value) => value === false,
  'bytes': (value) => (value as Uint8Array).length === 0,
  'string': (value) => value === '',
  'enum': isZeroNumber,
  'uint32': isZeroNumber,
  'int64': isZeroNumber,
  'uint64': isZeroNumber,
  'int64-id': isZeroId,
  'int64-wide': isZeroNumber,
  'uint64-id': isZeroId,
}

const printInt64 = (value: unknown): string => `"${integer(value as number, int64Max)}"`
const printUint64 = (value: unknown): string => `"${integer(value as number, uint64Max)}"`
const printId = (value: unknown): string => `"${value as number | bigint}"`

const scalarPrinters: Readonly<Record<ScalarField['kind'], FieldPrinter['print']>> = {
  'bool': String,
  'bytes': (value) => `"${toBase64(value as Uint8Array)}"`,
  'string': (value, quoteText) => quoteText(value as string),
  'uint32': String,
  'int64': printInt64,
  'uint64': printUint64,
  'int64-id': printId,
  'int64-wide': printId,
  'uint64-id': printId,
}

/**
 * All digits, where String() of a large number would write an exponent. The greatest integers are
 * no `number`: the next power of two stands for them, which is one too many.
 */
function integer(value: number, max: bigint): string {
  if (Number.isSafeInteger(value)) {
    return String(value)
  }
  const exact = BigInt(value)
  return String(exact > max ? max : exact)
}
