/** The object that is asked, as probes see it from within and callers from without. */
export interface Subject extends Rpc.DurableObjectBranded {
  /** Tells one stay in memory from the next. */
  readonly born: string
  readonly state: DurableObjectState
  readonly notes: string[]
  readonly bound: SubjectEnv
  /** Runs a probe; `args` and the answer are JSON. */
  probe(name: string, args: string): Promise<string>
  /** Keeps what it was given, changes it, and answers it. */
  change(value: { list: number[]; bytes: Uint8Array }): { list: number[]; bytes: Uint8Array }
  note(word: string): number
  fail(kind: string): never
}

export interface SubjectEnv {
  readonly SUBJECT: DurableObjectNamespace<Subject>
  readonly OTHER: DurableObjectNamespace<Subject>
}

/** What runs in the object; its arguments and its answer are JSON. */
export type Probe = (subject: Subject, args: never) => unknown

/** A value in words, so that JSON shows what it is. */
export function tell(value: unknown): unknown {
  if (value instanceof ArrayBuffer) {
    return { buffer: hex(new Uint8Array(value)) }
  }
  if (ArrayBuffer.isView(value)) {
    return { view: hex(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) }
  }
  if (Array.isArray(value)) {
    return value.map(tell)
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, tell(inner)]))
  }
  return typeof value === 'number' || typeof value === 'string' || value === null
    ? value
    : `${typeof value} ${String(value)}`
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** What `run` throws, in words. */
export function thrown(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return String(error)
  }
  return 'nothing'
}

class OddError extends Error {
  override readonly name = 'OddError'
  readonly extra = 'field'
}

/** An error to throw over a call. */
export function errorOf(kind: string): Error {
  switch (kind) {
    case 'type':
      return new TypeError('a type error')
    case 'fields':
      return Object.assign(new Error('with fields'), { extra: 'field', code: 7 })
    case 'odd':
      return new OddError('odd')
    default:
      return new Error('plain')
  }
}
