import { toldFailure } from './failure.ts'
import type { ListenFlags } from './flag-table.ts'
import type { Warning } from './flags.ts'
import { openLogOutputs, type WriteLine } from './log-outputs.ts'

/** Levels of `--log-level`, least first. */
const levels = ['debug', 'info', 'warn', 'error', 'panic', 'fatal'] as const

export type Level = (typeof levels)[number]

type Fields = Readonly<Record<string, string | number | readonly string[]>>

interface Entry {
  readonly level: Level
  readonly ts: string
  readonly msg: string
  readonly fields: Fields
}

export type LogFlags = Pick<ListenFlags, 'log-level' | 'log-format' | 'log-outputs'>

/** Writes lines as etcd's zap does (client/pkg/logutil/zap.go), but for the place in the source. */
export class Log {
  readonly #least: number
  readonly #print: (entry: Entry) => string
  readonly #outputs: readonly WriteLine[]

  /** Throws Failure where an output cannot be opened. */
  constructor(flags: LogFlags) {
    this.#least = levels.indexOf(flags['log-level'])
    this.#print = flags['log-format'] === 'console' ? consoleLine : jsonLine
    this.#outputs = openLogOutputs(flags['log-outputs'])
  }

  write(level: Level, message: string, fields: Fields = {}): void {
    if (levels.indexOf(level) >= this.#least) {
      // etcd's times have microseconds.
      const ts = new Date().toISOString().replace('Z', '000Z')
      const line = `${this.#print({ level, ts, msg: message, fields })}\n`
      this.#outputs.forEach((output) => output(line))
    }
  }

  /** What the command line, its environment or its file say in vain. */
  warn(warnings: readonly Warning[]): void {
    for (const { message, fields } of warnings) {
      this.write('warn', message, fields)
    }
  }

  /** Passes on a line of workerd's structured log; a line that is none is passed as it is. Answers what it says. */
  forward(line: string): string {
    const entry = readEntry(line)
    this.write(entry.level, entry.message)
    return entry.message
  }

  /** Runs a server. What ends it is the last line here, and the process has its exit code. */
  async during(serving: () => Promise<void>): Promise<void> {
    // Node itself would print them in its own form.
    process.removeAllListeners('warning')
    process.on('warning', ({ name, message }) => this.write('warn', message, { name }))
    try {
      await serving()
    } catch (error) {
      const failure = toldFailure(error)
      this.write('fatal', failure.message)
      process.exitCode = failure.exitCode
    }
  }
}

function jsonLine({ level, ts, msg, fields }: Entry): string {
  return JSON.stringify({ level, ts, msg, ...fields })
}

/** Columns with a tab between; zap leaves spaces in the JSON of the last. */
function consoleLine({ level, ts, msg, fields }: Entry): string {
  const pairs = Object.entries(fields).map(
    ([name, value]) => `${JSON.stringify(name)}: ${consoleValue(value)}`,
  )
  return [ts, level, msg, ...(pairs.length === 0 ? [] : [`{${pairs.join(', ')}}`])].join('\t')
}

function consoleValue(value: Fields[string]): string {
  return typeof value === 'object'
    ? `[${value.map((item) => JSON.stringify(item)).join(', ')}]`
    : JSON.stringify(value)
}

/** workerd writes {timestamp, level, message}, with the levels of the console and its own. */
function readEntry(line: string): { level: Level; message: string } {
  if (!line.startsWith('{')) {
    return { level: 'warn', message: line }
  }
  try {
    const { level, message } = JSON.parse(line) as { level?: string; message?: string }
    const known = levels.find((candidate) => candidate === level) ?? 'info'
    return { level: level === 'warning' ? 'warn' : known, message: message ?? line }
  } catch (error) {
    // workerd also prints what is not from its log, such as a crash report.
    return { level: 'error', message: error instanceof SyntaxError ? line : String(error) }
  }
}
