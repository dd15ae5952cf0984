import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { MetricFamily } from '../protocol/shard-rpc.ts'

const CLOCK_TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096

/** What the kernel tells of a process. */
interface ProcessStatistics {
  readonly cpuSeconds: number
  readonly virtualBytes: number
  readonly residentBytes: number
  readonly files: number
}

/**
 * What a Worker cannot know: the memory, time and files of the processes that it runs in. The gateway
 * asks for it at a Unix socket when somebody asks for its metrics. `pids` are all the processes of
 * this server, which clients see as one.
 */
export class ProcessMetrics {
  readonly #server: Server

  constructor(pids: () => readonly number[]) {
    this.#server = createServer((_request, response) => {
      processFamilies(pids()).then(
        (families) => response.end(JSON.stringify(families)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    })
  }

  async listen(path: string): Promise<void> {
    this.#server.listen(path)
    await once(this.#server, 'listening')
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}

/** Of all the processes of a server, which clients see as one. */
export async function processFamilies(pids: readonly number[]): Promise<readonly MetricFamily[]> {
  if (process.platform !== 'linux') {
    return []
  }
  const all = await Promise.all(pids.map(statisticsOf))
  const sum = (key: keyof ProcessStatistics): number =>
    all.reduce((total, statistics) => total + statistics[key], 0)
  const limit = await filesMax()
  return [
    counter('process_cpu_seconds_total', 'User and system CPU time spent.', sum('cpuSeconds')),
    gauge('process_resident_memory_bytes', 'Resident memory size.', sum('residentBytes')),
    gauge('process_virtual_memory_bytes', 'Virtual memory size.', sum('virtualBytes')),
    gauge('process_open_fds', 'Number of open file descriptors.', sum('files')),
    gauge('process_max_fds', 'Maximum number of open file descriptors.', limit),
    gauge('os_fd_used', 'The number of used file descriptors.', sum('files')),
    gauge('os_fd_limit', 'The file descriptor limit.', limit),
  ]
}

/** From /proc, where there is one (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html). */
async function statisticsOf(pid: number): Promise<ProcessStatistics> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name, second, is in parentheses and may hold any character.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const field = (place: number): number => fields[place - 3] ?? 0
  return {
    cpuSeconds: (field(14) + field(15)) / CLOCK_TICKS_PER_SECOND,
    virtualBytes: field(23),
    residentBytes: field(24) * PAGE_BYTES,
    files: (await readdir(`/proc/${pid}/fd`)).length,
  }
}

async function filesMax(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8')
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0)
}

function counter(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'counter', samples: [{ suffix: '', labels: {}, value }] }
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'gauge', samples: [{ suffix: '', labels: {}, value }] }
}
