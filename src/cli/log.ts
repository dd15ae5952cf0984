import type { Warning } from './flags.ts'

/** Levels of `--log-level`, least first. */
const levels = ['debug', 'info', 'warn', 'error', 'panic', 'fatal'] as const

export type Level = (typeof levels)[number]

/** Writes log lines as etcd does, one JSON object each, to standard error. */
export class Log {
  readonly #least: number

  constructor(least: Level) {
    this.#least = levels.indexOf(least)
  }

  write(
    level: Level,
    message: string,
    fields: Readonly<Record<string, string | number>> = {},
  ): void {
    if (levels.indexOf(level) >= this.#least) {
      const line = { level, ts: new Date().toISOString(), msg: message, ...fields }
      process.stderr.write(`${JSON.stringify(line)}\n`)
    }
  }

  /** What the command line, its environment or its file say in vain. */
  warn(warnings: readonly Warning[]): void {
    for (const { message, fields } of warnings) {
      this.write('warn', message, fields)
    }
  }

  /** Passes on a line of workerd's structured log; a line that is none is passed as it is. */
  forward(line: string): void {
    const entry = readEntry(line)
    this.write(entry.level, entry.message)
  }
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
