/**
 * Writes `generated/` from `proto/`: `node src/protocol/generate.ts`. With `--check` it writes
 * nothing and fails when the files on disk are not what it would write.
 *
 * The protos are read here, at development time, because workerd forbids the code generation at
 * run time that a reflecting protobuf library lives from.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import protobuf from 'protobufjs'

const folder = import.meta.dirname
const protos = [
  'kv.proto',
  'auth.proto',
  'lease.proto',
  'rpc.proto',
  'lock.proto',
  'election.proto',
]

/** The 64-bit fields that are opaque ids, of which no bit may be lost. */
const idNames = new Set([
  'cluster_id',
  'member_id',
  'memberID',
  'ID',
  'lease',
  'leader',
  'targetID',
])

/** Ids that are mostly small, and made and compared at each event. */
const wideNames = new Set(['watch_id'])

const banner = '// Written by src/protocol/generate.ts from src/protocol/proto. Do not edit.\n'

main()

function main(): void {
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) => join(folder, 'proto', basename(target))
  root.loadSync(protos, { keepCase: true }).resolveAll()
  const found = collect(root)
  const outputs = {
    'messages.ts': messagesFile(found),
    'services.ts': servicesFile(found.services),
  }
  const check = process.argv.includes('--check')
  for (const [name, text] of Object.entries(outputs)) {
    const path = join(folder, 'generated', name)
    if (!check) {
      writeFileSync(path, text)
    } else if (readFileSync(path, 'utf8') !== text) {
      process.stderr.write(`src/protocol/generated/${name} is out of date: run npm run gen\n`)
      process.exitCode = 1
    }
  }
}

interface Found {
  readonly enums: protobuf.Enum[]
  readonly messages: protobuf.Type[]
  readonly services: protobuf.Service[]
}

/** Everything below the namespace, in the order of the files. */
function collect(space: protobuf.NamespaceBase): Found {
  const found: Found = { enums: [], messages: [], services: [] }
  for (const entry of space.nestedArray) {
    if (entry instanceof protobuf.Enum) {
      found.enums.push(entry)
    } else if (entry instanceof protobuf.Service) {
      found.services.push(entry)
    } else if (entry instanceof protobuf.Namespace) {
      if (entry instanceof protobuf.Type) {
        found.messages.push(entry)
      }
      const inner = collect(entry)
      found.enums.push(...inner.enums)
      found.messages.push(...inner.messages)
      found.services.push(...inner.services)
    }
  }
  return found
}

function messagesFile({ enums, messages }: Found): string {
  const parts = [
    banner,
    "import { emptyBytes } from '../bytes.ts'",
    "import type { MessageType } from '../message-type.ts'",
    '',
    ...enums.map(enumText),
    ...messages.flatMap((type) => [interfaceText(type), descriptorText(type)]),
  ]
  return parts.join('\n')
}

/** An enum nested in a message goes by its own name, unless that is the bare word `Type`. */
function enumName(type: protobuf.Enum): string {
  return type.name === 'Type' ? `${type.parent?.name}Type` : type.name
}

function enumText(type: protobuf.Enum): string {
  const values = Object.entries(type.values).map(([name, value]) => `${name}: ${value}`)
  return `export const ${enumName(type)} = { ${values.join(', ')} } as const\n`
}

function interfaceText(type: protobuf.Type): string {
  const rows = type.fieldsArray.map((field) => {
    const property = jsonName(field.name)
    if (field.repeated) {
      return `  readonly ${property}: readonly ${elementType(field)}[]`
    }
    return optional(field)
      ? `  readonly ${property}?: ${elementType(field)} | undefined`
      : `  readonly ${property}: ${elementType(field)}`
  })
  return rows.length === 0
    ? `export interface ${type.name} {}\n`
    : `export interface ${type.name} {\n${rows.join('\n')}\n}\n`
}

function descriptorText(type: protobuf.Type): string {
  const fields = type.fieldsArray.toSorted((a, b) => a.id - b.id).map(fieldText)
  const zeros = type.fieldsArray.map((field) => `    ${jsonName(field.name)}: ${zero(field)},`)
  return [
    `export const ${type.name}: MessageType<${type.name}> = {`,
    `  name: '${fullName(type)}',`,
    fields.length === 0 ? '  fields: [],' : `  fields: [\n${fields.join('\n')}\n  ],`,
    zeros.length === 0 ? '  empty: () => ({}),' : `  empty: () => ({\n${zeros.join('\n')}\n  }),`,
    '}\n',
  ].join('\n')
}

function fieldText(field: protobuf.Field): string {
  const parts = [
    `number: ${field.id}`,
    `name: '${field.name}'`,
    `property: '${jsonName(field.name)}'`,
    `kind: '${kind(field)}'`,
  ]
  const resolved = field.resolvedType
  if (resolved instanceof protobuf.Enum) {
    parts.push(`enum: ${enumName(resolved)}`)
  } else if (resolved !== null) {
    parts.push(`message: () => ${resolved.name}`)
  }
  if (field.repeated) {
    parts.push('repeated: true')
  }
  if (field.partOf !== null) {
    parts.push(`oneof: '${fullName(field.partOf)}'`)
  }
  const row = `    { ${parts.join(', ')} },`
  return row.length <= 100 ? row : `    {\n      ${parts.join(',\n      ')},\n    },`
}

function kind(field: protobuf.Field): string {
  if (field.resolvedType !== null) {
    return field.resolvedType instanceof protobuf.Enum ? 'enum' : 'message'
  }
  if (wideNames.has(field.name)) {
    return `${field.type}-wide`
  }
  return field.type.endsWith('int64') && idNames.has(field.name) ? `${field.type}-id` : field.type
}

function elementType(field: protobuf.Field): string {
  const types: Record<string, string> = {
    'bool': 'boolean',
    'bytes': 'Uint8Array',
    'string': 'string',
    'message': field.resolvedType?.name ?? '',
    'int64-wide': 'number | bigint',
  }
  const name = kind(field)
  return types[name] ?? (name.endsWith('-id') ? 'bigint' : 'number')
}

function zero(field: protobuf.Field): string {
  if (field.repeated) {
    return '[]'
  }
  if (optional(field)) {
    return 'undefined'
  }
  const zeros: Record<string, string> = { bool: 'false', bytes: 'emptyBytes', string: "''" }
  const name = kind(field)
  return zeros[name] ?? (name.endsWith('-id') ? '0n' : '0')
}

function optional(field: protobuf.Field): boolean {
  return field.partOf !== null || kind(field) === 'message'
}

function servicesFile(services: readonly protobuf.Service[]): string {
  const methods = services.flatMap((service) => service.methodsArray)
  const used = new Set(methods.flatMap((method) => [method.requestType, method.responseType]))
  const names = [...used].map(lastName).toSorted()
  return [
    banner,
    `import {\n  ${names.join(',\n  ')},\n} from './messages.ts'`,
    '',
    '/** Every method by the full name that gRPC calls it. */',
    'export const rpcMethods = {',
    ...methods.map(methodText),
    '} as const\n',
  ].join('\n')
}

function methodText(method: protobuf.Method): string {
  const service = method.parent === null ? '' : fullName(method.parent)
  return [
    `  '/${service}/${method.name}': {`,
    `    service: '${service}',`,
    `    method: '${method.name}',`,
    `    request: ${lastName(method.requestType)},`,
    `    response: ${lastName(method.responseType)},`,
    `    clientStreaming: ${method.requestStream === true},`,
    `    serverStreaming: ${method.responseStream === true},`,
    '  },',
  ].join('\n')
}

function fullName(entry: protobuf.ReflectionObject): string {
  return entry.fullName.replace(/^\./, '')
}

function lastName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** protoc's rule: an underscore goes, and the letter after it becomes a capital. */
function jsonName(name: string): string {
  return name.replace(/_(.)/g, (_match, letter: string) => letter.toUpperCase())
}
