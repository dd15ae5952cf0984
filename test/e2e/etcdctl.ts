// The installed etcdctl against a server, kept as a transcript of what it was asked and answered.
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { withSortedMembers } from './member-order.ts'

/** The recorded answers are those of this line of etcdctl, which is Debian's. */
const recordedVersion = '3.4'

/** Why the installed etcdctl cannot be compared with the recorded answers; undefined if it can. */
export async function etcdctlMissing(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('etcdctl', ['version'], { env: quietEnv() })
    const version = /^etcdctl version: (\S+)/m.exec(stdout)?.[1] ?? 'unknown'
    return version.startsWith(`${recordedVersion}.`)
      ? undefined
      : `the recorded answers are of etcdctl ${recordedVersion}, not ${version}`
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return 'no etcdctl in PATH'
    }
    throw error
  }
}

export interface EtcdctlOptions {
  readonly input?: string
  /** Such as `{ ETCDCTL_WATCH_KEY: 'a' }`. */
  readonly env?: Readonly<Record<string, string>>
}

export class Etcdctl {
  readonly #url: string
  readonly #sections: string[] = []
  readonly #sessions: EtcdctlSession[] = []
  /** What differs from run to run, with the word that stands for it in the transcript. */
  readonly #names = new Map<string, string>()
  #leases = 0
  #added = 0

  private constructor(url: string) {
    this.#url = url
    this.#names.set(new URL(url).host, 'ENDPOINT')
  }

  /** Asks the server who it is, so that its ids can be told from other numbers. */
  static async of(url: string): Promise<Etcdctl> {
    const etcdctl = new Etcdctl(url)
    const { output } = await etcdctl.#run(['get', 'nobody', '-w', 'json'], {})
    for (const [field, word] of [
      ['cluster_id', 'CLUSTER'],
      ['member_id', 'MEMBER'],
    ] as const) {
      const id = new RegExp(`"${field}":(\\d+)`).exec(output)?.[1]
      if (id === undefined) {
        throw new Error(`no ${field} in ${output}`)
      }
      etcdctl.#nameId(BigInt(id), word)
    }
    return etcdctl
  }

  /** All that was run, with its answers; ids, sizes and times are words. */
  get transcript(): string {
    return withSortedMembers(this.#sections.join('\n'))
  }

  /** Runs a command to its end; resolves to its answer as it came. */
  async run(args: readonly string[], options: EtcdctlOptions = {}): Promise<string> {
    const { output, exit } = await this.#run(args, options)
    this.#noteMember(output)
    this.#noteLease(output)
    this.#note(args, options, output, exit)
    return output
  }

  /** Starts a command that runs until it is stopped. */
  start(args: readonly string[], options: EtcdctlOptions = {}): EtcdctlSession {
    const child = spawn('etcdctl', [`--endpoints=${this.#url}`, ...args], {
      env: { ...quietEnv(), ...options.env },
    })
    const session = new EtcdctlSession(child, (output) => {
      this.#noteLease(output)
      this.#note(args, options, output, undefined)
    })
    this.#sessions.push(session)
    return session
  }

  /** Ends what still runs, as after a test that failed. */
  close(): void {
    this.#sessions.forEach((session) => session.kill())
  }

  async #run(
    args: readonly string[],
    { input = '', env }: EtcdctlOptions,
  ): Promise<{ output: string; exit: number | null }> {
    const child = spawn('etcdctl', [`--endpoints=${this.#url}`, ...args], {
      env: { ...quietEnv(), ...env },
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    let complaints = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
    // A command that reads no input may have ended before it is given any.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    await once(child, 'close')
    return { output: output + withoutLog(complaints), exit: child.exitCode }
  }

  #note(
    args: readonly string[],
    { input, env = {} }: EtcdctlOptions,
    output: string,
    exit: number | null | undefined,
  ): void {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
    const words = args.map((arg) => (/^[\w/.:,=@-]+$/.test(arg) ? arg : JSON.stringify(arg)))
    const lines = [
      `$ ${[...variables, 'etcdctl', ...words].join(' ')}`,
      ...(input ?? '').split('\n').map((line) => `< ${line}`),
    ]
    const asked = input === undefined ? lines.slice(0, 1) : lines
    const ending = exit === 0 || exit === undefined ? '' : `exit ${exit}\n`
    this.#sections.push(this.#plain(`${asked.join('\n')}\n${output}${ending}`))
  }

  /** The id of a lease that etcdctl tells in words or as the tail of a key. */
  #noteLease(output: string): void {
    const hex = /(?:\blease |\/)([0-9a-f]{8,16})\b/.exec(output)?.[1]
    const decimal = /"ID":(\d{8,})\b/.exec(output)?.[1]
    const id = hex === undefined ? decimal : `0x${hex}`
    if (id !== undefined && !this.#names.has(BigInt(id).toString(16))) {
      this.#leases += 1
      this.#nameId(BigInt(id), `LEASE${this.#leases}`)
    }
  }

  /** The id of a member that was added. */
  #noteMember(output: string): void {
    const hex = /^Member +([0-9a-f]+) added/m.exec(output)?.[1]
    const id = hex === undefined ? /"member":\{"ID":(\d+)/.exec(output)?.[1] : `0x${hex}`
    if (id !== undefined) {
      this.#added += 1
      this.#nameId(BigInt(id), `ADDED${this.#added}`)
    }
  }

  #nameId(id: bigint, word: string): void {
    const hex = id.toString(16)
    // Leases are printed with leading zeros, members and keys without.
    for (const written of [hex.padStart(16, '0'), hex, String(id)]) {
      this.#names.set(written, word)
    }
  }

  #plain(text: string): string {
    let plain = text
    for (const [found, word] of this.#names) {
      plain = plain.replaceAll(found, word)
    }
    return (
      plain
        .replace(/"(raft_term|raftTerm|raftIndex|raftAppliedIndex)":[1-9]\d*/g, '"$1":N')
        .replace(/"(dbSize|dbSizeInUse)":[1-9]\d*/g, '"$1":N')
        .replace(/"(RaftTerm|RaftIndex|RaftAppliedIndex|DBSize)" : [1-9]\d*/g, '"$1" : N')
        .replace(/(true|false), (true|false), \d+, \d+, \d+, /g, '$1, $2, N, N, N, ')
        .replace(/[\d.]+ [kMG]?B\b/g, 'SIZE')
        .replace(/\bhttp:\/\/[\w.:-]+/g, 'URL')
        .replace(/[\d.]+[mµ]s\b/g, 'TIME')
        .replace(/remaining\(\d+s\)/g, 'remaining(SECONDS)')
        .replace(/"ttl":\d+/g, '"ttl":SECONDS')
        .replace(/"TTL" : \d+/g, '"TTL" : SECONDS')
        // Chosen by each build of etcd, on purpose.
        .replace(/memberID:MEMBER +alarm/g, 'memberID:MEMBER alarm')
        // An id with leading zeros is printed with spaces instead.
        .replace(/\b(Member|cluster) +(?=ADDED|MEMBER|CLUSTER)/g, '$1 ')
        // The columns of a table are as wide as what was replaced.
        .replace(/^\+[-+]+\+$/gm, '+---+')
        .replace(/^\|.*\|$/gm, (row) => row.replace(/ +/g, ' ').replace(/ \d+ (?=\|)/g, ' N '))
    )
  }
}

/** A command that answers while it runs. */
export class EtcdctlSession {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #closed: Promise<unknown>
  readonly #finished: (output: string) => void
  #output = ''
  #wake: (() => void) | undefined

  constructor(child: ChildProcessWithoutNullStreams, finished: (output: string) => void) {
    this.#child = child
    this.#finished = finished
    this.#closed = once(child, 'close').finally(() => this.#wake?.())
    const hear = (text: string): void => {
      this.#output += text
      this.#wake?.()
    }
    child.stdout.setEncoding('utf8').on('data', hear)
    child.stderr.setEncoding('utf8').on('data', (text: string) => hear(withoutLog(text)))
  }

  type(line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  /** Waits until the output so far matches. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output)
      if (match !== null) {
        return match
      }
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new Error(`etcdctl ended with ${this.#child.exitCode}: ${this.#output}`)
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
  }

  get output(): string {
    return this.#output
  }

  /** As from the keyboard; resolves when it has ended. */
  async interrupt(): Promise<void> {
    this.#child.kill('SIGINT')
    await this.#closed
    this.#finished(this.#output)
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

/** The client library's own log: its lines tell times and random names. */
function withoutLog(text: string): string {
  return text.replace(/^\{"level":.*\n/gm, '')
}

/** ETCDCTL_* variables of the caller would change what is asked. */
function quietEnv(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('ETCDCTL_'))
  return { ...Object.fromEntries(own), ETCDCTL_API: '3' }
}
