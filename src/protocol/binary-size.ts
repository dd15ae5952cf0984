import { measure } from './binary-encode.ts'
import type { MessageFields, MessageType } from './message-type.ts'

/** Measures a message however deep it is: what is inmost first, so that nothing is worked down to. */
export function measureDeep(type: MessageType<object>, value: object): number {
  const known = new Map<object, number>()
  if (isRecursive(type)) {
    for (const inner of recursivePart(type, value).toReversed()) {
      known.set(inner.value, measure(inner.type, inner.value, { sizes: [], known }))
    }
  }
  return known.get(value) ?? measure(type, value, { sizes: [] })
}

interface Typed {
  readonly type: MessageType<object>
  readonly value: object
}

/** The message and those below it whose types may contain themselves, outer before inner. */
function recursivePart(type: MessageType<object>, value: object): readonly Typed[] {
  const found: Typed[] = [{ type, value }]
  // The list grows while it is walked.
  for (const outer of found) {
    for (const field of outer.type.fields) {
      const inner = (outer.value as MessageFields)[field.property]
      if (inner !== undefined && field.kind === 'message' && isRecursive(field.message())) {
        const values = field.repeated ? (inner as readonly object[]) : [inner as object]
        found.push(...values.map((each) => ({ type: field.message(), value: each })))
      }
    }
  }
  return found
}

const recursive = new Map<MessageType<object>, boolean>()

/** Whether messages of the type can hold messages of the type, as those of a txn can. */
function isRecursive(type: MessageType<object>): boolean {
  let answer = recursive.get(type)
  if (answer === undefined) {
    const below = new Set(innerTypes(type))
    for (const inner of below) {
      innerTypes(inner).forEach((each) => below.add(each))
    }
    answer = below.has(type)
    recursive.set(type, answer)
  }
  return answer
}

function innerTypes(type: MessageType<object>): readonly MessageType<object>[] {
  return type.fields.flatMap((field) => (field.kind === 'message' ? [field.message()] : []))
}
