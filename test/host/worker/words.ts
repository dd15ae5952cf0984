import type { DurableObject } from 'cloudflare:workers'

/** What the object can be called for. */
type Callable = DurableObject & {
  probe(name: string, args: string): Promise<string>
  change(value: { list: number[]; bytes: Uint8Array }): { list: number[]; bytes: Uint8Array }
  note(word: string): number
  fail(kind: string): never
}

export interface SubjectEnv {
  readonly SUBJECT: DurableObjectNamespace<Callable>
  /** Of a class that inherits all of it. */
  readonly OTHER: DurableObjectNamespace<Callable>
}

/** The object that is asked, as its probes see it. */
export interface Subject {
  readonly state: DurableObjectState
  readonly bound: SubjectEnv
  /** Tells one stay in memory from the next. */
  readonly born: string
  readonly notes: string[]
  /** Undefined where there is no probe of that name. */
  ask(name: string, args: string): Promise<unknown> | undefined
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
