import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'start.js')

/** Runs the command until it ends by itself. */
export async function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  await once(child, 'close')
  return { code: child.exitCode, stdout, stderr }
}

/** What a command that ended by itself says: one line, before its log begins or in it. */
export function complaintOf(stderr: string): string {
  const [line = '', ...others] = stderr.trimEnd().split('\n')
  if (others.length > 0 || line === '') {
    throw new Error(`these are not one line: ${stderr}`)
  }
  const { level, msg } = line.startsWith('{')
    ? (JSON.parse(line) as { readonly level: string; readonly msg: string })
    : { level: 'fatal', msg: line.replace(/^etcdurable: /, '') }
  if (level !== 'fatal') {
    throw new Error(`this is no complaint: ${line}`)
  }
  return msg
}
