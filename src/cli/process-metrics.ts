import { readdir, readFile } from 'node:fs/promises'
import type { PortMetrics } from '../grpc/port-metrics.ts'
import type { FamiliesFrom, HostMetrics, MetricSample } from '../protocol/metric-families.ts'

const CLOCK_TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096

/** What the kernel tells of a process. */
interface ProcessStatistics {
  readonly cpuSeconds: number
  readonly virtualBytes: number
  readonly residentBytes: number
  readonly files: number
}

/** The memory, time and files of all the processes of a server, and what its client port has counted. */
export async function hostMetrics(
  pids: readonly number[],
  port: PortMetrics,
): Promise<HostMetrics> {
  const processes = process.platform === 'linux' ? await processValues(pids) : {}
  return { processes, port: port.values() }
}

/** Of all the processes of a server, which clients see as one. */
async function processValues(
  pids: readonly number[],
): Promise<{ readonly [name in FamiliesFrom<'host'>]: readonly MetricSample[] }> {
  const [all, limits, network] = await Promise.all([
    Promise.all(pids.map(statisticsOf)),
    readFile('/proc/self/limits', 'utf8'),
    networkOctets(),
  ])
  const sum = (key: keyof ProcessStatistics): readonly MetricSample[] =>
    one(all.reduce((total, statistics) => total + statistics[key], 0))
  const filesMax = one(limitOf(limits, 'Max open files'))
  return {
    process_cpu_seconds_total: sum('cpuSeconds'),
    process_resident_memory_bytes: sum('residentBytes'),
    process_virtual_memory_bytes: sum('virtualBytes'),
    process_virtual_memory_max_bytes: one(limitOf(limits, 'Max address space')),
    process_network_receive_bytes_total: one(network.received),
    process_network_transmit_bytes_total: one(network.sent),
    process_open_fds: sum('files'),
    process_max_fds: filesMax,
    os_fd_used: sum('files'),
    os_fd_limit: filesMax,
  }
}

function one(value: number): readonly MetricSample[] {
  return [{ labels: {}, value }]
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

/** The soft limit; what is unlimited is what Go makes of it. */
function limitOf(limits: string, name: string): number {
  const value = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(limits)?.[1]
  return value === undefined || value === 'unlimited' ? 2 ** 64 : Number(value)
}

/** Of all interfaces of the network that the process is in: Prometheus' client libraries mean those. */
async function networkOctets(): Promise<{ readonly received: number; readonly sent: number }> {
  const lines = (await readFile('/proc/self/net/netstat', 'utf8')).split('\n')
  const [names = [], values = []] = lines
    .filter((line) => line.startsWith('IpExt:'))
    .map((line) => line.split(' '))
  const octets = (name: string): number => Number(values[names.indexOf(name)] ?? 0)
  return { received: octets('InOctets'), sent: octets('OutOctets') }
}
