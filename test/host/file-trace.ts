import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** What a process did to files, and what it said to its clients, in the order in which it did so. */
export type FileEvent =
  | {
      readonly kind: 'write'
      readonly path: string
      readonly offset: number
      readonly data: Buffer
    }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'create' | 'unlink'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  /** A flush holds for what was done before it began, from its end on. */
  | { readonly kind: 'syncBegin' | 'syncEnd'; readonly path: string; readonly id: string }
  | { readonly kind: 'sent'; readonly text: string }

/** With these strace writes what `readTrace` reads. */
export const straceFlags: readonly string[] = [
  '-f',
  '-y',
  '-xx',
  '-s1048576',
  '--seccomp-bpf',
  '--signal=none',
  '-etrace=pwrite64,pwritev,write,writev,sendto,sendmsg,fsync,fdatasync,ftruncate,openat,unlink,unlinkat,rename,renameat,renameat2',
]

const UNFINISHED = ' <unfinished ...>'

/** Reads strace's file: what is below `directory`, by relative path, and what left by sockets. */
export async function readTrace(file: string, directory: string): Promise<readonly FileEvent[]> {
  const events: FileEvent[] = []
  const unfinished = new Map<string, string>()
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const [, thread = '', call = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(call)
    if (call.endsWith(UNFINISHED)) {
      const begun = call.slice(0, -UNFINISHED.length)
      unfinished.set(thread, begun)
      events.push(...eventsOf(begun, directory, 'begin', thread))
    } else {
      const whole = resumed === null ? call : `${unfinished.get(thread)}${resumed[1]}`
      events.push(...eventsOf(whole, directory, resumed === null ? 'whole' : 'end', thread))
    }
  }
  return events
}

/** Of a call that was seen in whole, or at its begin, or at its end. */
function eventsOf(
  call: string,
  directory: string,
  seen: 'whole' | 'begin' | 'end',
  id: string,
): FileEvent[] {
  const name = /^\w+/.exec(call)?.[0] ?? ''
  if (/= -1 E/.test(call)) {
    return []
  }
  if (name === 'fsync' || name === 'fdatasync') {
    const path = relative(texts(call, /<((?:\\x..)*)>/g)[0], directory)
    const begin = seen === 'end' ? [] : [{ kind: 'syncBegin', path, id } as const]
    const end = seen === 'begin' ? [] : [{ kind: 'syncEnd', path, id } as const]
    return path === undefined ? [] : ([...begin, ...end] as FileEvent[])
  }
  // What was begun may be on disk already; it counts from there on.
  return seen === 'end' ? [] : changeOf(name, call, directory)
}

function changeOf(name: string, call: string, directory: string): FileEvent[] {
  const target = texts(call, /<((?:\\x..)*)>/g)[0]
  const strings = texts(call, /"((?:\\x..)*)"/g)
  if (target?.toString().startsWith('socket:') === true) {
    return [{ kind: 'sent', text: Buffer.concat(strings).toString('latin1') }]
  }
  const isOpen = name === 'openat'
  const isNamed = isOpen || name.startsWith('unlink') || name.startsWith('rename')
  const path = relative(isNamed ? strings[0] : target, directory)
  if (path === undefined || (isOpen && !call.includes('O_CREAT'))) {
    return []
  }
  const number = Number(/, (\d+)\)?(?: += \d+)?$/.exec(call)?.[1])
  if (!Number.isSafeInteger(number) && (name === 'pwrite64' || name === 'ftruncate')) {
    throw new Error(`nobody knows where ${call.slice(0, 200)} ends`)
  }
  switch (name) {
    case 'pwrite64':
      return [{ kind: 'write', path, offset: number, data: strings[0] ?? Buffer.alloc(0) }]
    case 'ftruncate':
      return [{ kind: 'truncate', path, size: number }]
    case 'openat':
      return [{ kind: 'create', path }]
    case 'unlink':
      return [{ kind: 'unlink', path }]
    case 'rename':
      return [{ kind: 'rename', path, to: relative(strings[1], directory) ?? '' }]
    default:
      throw new Error(`nobody thought of ${name} to ${path}`)
  }
}

/** strace writes all texts in hexadecimal. */
function texts(call: string, pattern: RegExp): Buffer[] {
  return [...call.matchAll(pattern)].map(([, hex = '']) =>
    Buffer.from(hex.replaceAll('\\x', ''), 'hex'),
  )
}

function relative(path: Buffer | undefined, directory: string): string | undefined {
  const text = path?.toString() ?? ''
  if (text === directory) {
    return '.'
  }
  return text.startsWith(`${directory}/`) ? text.slice(directory.length + 1) : undefined
}
