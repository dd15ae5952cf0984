/**
 * How a message looks on the wire: what `generated/messages.ts` holds for each message and what
 * the codecs are built from.
 */
export interface MessageType<out T extends object> {
  /** With its package, such as `etcdserverpb.RangeRequest`. */
  readonly name: string
  /** In the order of their numbers, which is the order that both encodings print. */
  readonly fields: readonly Field[]
  /** A message of which nothing has been said: zeros, empty lists, absent sub-messages. */
  readonly empty: () => T
}

export type Field = ScalarField | EnumField | MessageField

interface AnyField {
  readonly number: number
  /** As in the .proto file: the name that JSON answers use. */
  readonly name: string
  /** The lowerCamelCase JSON name, which is the property of the TypeScript interface too. */
  readonly property: string
  readonly repeated?: true
  /** The full name of the oneof that the field is a member of, as error texts have it. */
  readonly oneof?: string
}

export interface ScalarField extends AnyField {
  readonly kind: ScalarKind
}

export interface EnumField extends AnyField {
  readonly kind: 'enum'
  readonly enum: EnumType
}

interface MessageField extends AnyField {
  readonly kind: 'message'
  /** A thunk, because messages refer to each other in circles. */
  readonly message: () => MessageType<object>
}

/**
 * The proto scalar types in use. Of the 64-bit ones, ids are `bigint` (`*-id`), since all 64 bits
 * of them matter; revisions, counts, sizes and times are `number`. What is `*-wide` is a `number` where
 * that is exact, and a `bigint` only where it is not.
 */
type ScalarKind =
  | 'bool'
  | 'bytes'
  | 'string'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'int64-id'
  | 'int64-wide'
  | 'uint64-id'

/** The number of each name. */
export type EnumType = Readonly<Record<string, number>>

/** What the codecs take a message for, once its type has said which property holds what. */
export type MessageFields = Record<string, unknown>

/** A message of the given properties; all others are as in `type.empty()`. */
export function create<T extends object>(type: MessageType<T>, properties: Partial<T>): T {
  return Object.assign(type.empty(), properties)
}
