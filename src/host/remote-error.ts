/**
 * An error as it arrives at who has called another object: a copy of its name, its message, its stack
 * and those of its fields that can be copied, of the type that JavaScript has for its name.
 */
export function remoteError(error: unknown): unknown {
  if (!(error instanceof Error)) {
    return copyOf(error)
  }
  const { name, message, stack } = error
  const copy = structuredClone(Object.assign(new Error(message), { name, stack }))
  const define = (field: string, value: unknown, enumerable: boolean): void => {
    const attributes = { enumerable, configurable: true, writable: true }
    Object.defineProperty(copy, field, { value, ...attributes })
  }
  define('name', name, false)
  define('remote', true, false)
  for (const [field, value] of Object.entries(error)) {
    define(field, copyOf(value), true)
  }
  return copy
}

function copyOf(value: unknown): unknown {
  try {
    return structuredClone(value)
  } catch {
    // What cannot be copied, such as a function, stays behind.
    return undefined
  }
}
