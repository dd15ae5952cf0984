// nghttp2's load generator: it costs a tenth of what a generator in Node does.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { GrpcTask } from './grpc-load.ts'
import { runLoad } from './load.ts'
import { percentile } from './samples.ts'
import type { UnaryResult } from './unary-load.ts'

const run = promisify(execFile)

/** The generator of all gRPC figures: h2load, or a thread of ours where there is none. */
export async function findGenerator(): Promise<(task: GrpcTask) => Promise<UnaryResult>> {
  try {
    await run('h2load', ['--version'])
    return h2load
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return runLoad
    }
    throw error
  }
}

/** It takes any answer with the HTTP status 200 for a success: the caller checks what was done. */
async function h2load(task: GrpcTask): Promise<UnaryResult> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-h2load-'))
  try {
    const [body, log] = [join(folder, 'body'), join(folder, 'log')]
    await writeFile(body, task.frame)
    const { stdout } = await run('h2load', [
      `--clients=${task.connections}`,
      `--max-concurrent-streams=${task.streams}`,
      `--duration=${task.seconds}`,
      `--warm-up-time=${Math.ceil(task.seconds / 4)}`,
      `--data=${body}`,
      `--log-file=${log}`,
      '--header=content-type: application/grpc',
      '--header=te: trailers',
      `${task.url}${task.method}`,
    ])
    const [, perSecond] = /^finished in .*, ([\d.]+) req\/s/m.exec(stdout) ?? []
    const [, failed, errored] = /(\d+) failed, (\d+) errored/.exec(stdout) ?? []
    if (perSecond === undefined || failed !== '0' || errored !== '0') {
      throw new Error(`h2load: ${stdout}`)
    }
    const latencies = await latenciesMs(log)
    return {
      perSecond: Number(perSecond),
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A line is the time of the start, the status and the duration, in µs. */
async function latenciesMs(log: string): Promise<readonly number[]> {
  const lines = (await readFile(log, 'utf8')).trimEnd().split('\n')
  return lines.map((line) => Number(line.split('\t')[2]) / 1000)
}
