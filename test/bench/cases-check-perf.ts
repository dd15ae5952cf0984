import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { alternate, type BenchCase, withRunning } from './bench-case.ts'

/** etcdctl chooses the time: a minute. */
const ROUNDS = 1

export const checkPerf: BenchCase = {
  name: 'check-perf',
  about: 'etcdctl check perf --load=m: 1,000 puts/s by 200 clients for a minute, once',
  run: ({ contestants }) =>
    withRunning(contestants, (running) =>
      alternate(running, ROUNDS, async ({ url }) => {
        const report = await check(url)
        const figure = (pattern: RegExp): number => Number(pattern.exec(report)?.[1])
        return {
          'check perf, verdict (1 is PASS)': /^PASS$/m.test(report) ? 1 : 0,
          'check perf, puts per s': figure(/Throughput.* (\d+) writes\/s/),
          'check perf, slowest put, s': figure(/Slowest request took.* ([\d.]+)s/),
        }
      }),
    ),
}

async function check(url: string): Promise<string> {
  const args = [`--endpoints=${url}`, 'check', 'perf', '--load=m']
  const env = { ...process.env, ETCDCTL_API: '3' }
  try {
    return (await promisify(execFile)('etcdctl', args, { env })).stdout
  } catch (error) {
    // It fails when its verdict is FAIL.
    if (error instanceof Error && 'stdout' in error && String(error.stdout).includes('FAIL')) {
      return String(error.stdout)
    }
    throw error
  }
}
