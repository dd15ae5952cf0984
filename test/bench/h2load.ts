// nghttp2's load generator: it costs a tenth of what a generator in Node does.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { GrpcTask } from './grpc-load.ts'
import { runLoad } from './load.ts'
import type { UnaryResult } from './measured-window.ts'
import { ProcessorTime } from './process-usage.ts'
import { percentile } from './samples.ts'

const run = promisify(execFile)

/**
 * The generator of the figures of one gRPC method: h2load, or a thread of ours where there is none
 * and for TLS: h2load shows no certificate.
 */
export async function findGenerator(): Promise<(task: GrpcTask) => Promise<UnaryResult>> {
  try {
    await run('h2load', ['--version'])
    return (task) => (task.address.tls === undefined ? h2load(task) : runLoad(task))
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
    const warmUp = Math.ceil(task.seconds / 4)
    const running = run('h2load', [
      `--clients=${task.connections}`,
      `--max-concurrent-streams=${task.streams}`,
      `--duration=${task.seconds}`,
      `--warm-up-time=${warmUp}`,
      `--data=${body}`,
      `--log-file=${log}`,
      '--header=content-type: application/grpc',
      '--header=te: trailers',
      `${task.address.url}${task.method}`,
    ])
    const processor = new ProcessorTime(task.serverPid)
    const [{ stdout }, cpuSeconds] = await Promise.all([
      running,
      sleep(warmUp * 1000).then(async () => {
        const atBegin = processor.seconds
        await running
        return processor.seconds - atBegin
      }),
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
      cpuMicros: (cpuSeconds / Number(perSecond) / task.seconds) * 1e6,
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
