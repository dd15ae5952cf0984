import { existsSync, readFileSync } from 'node:fs'

export interface Usage {
  /** Of main memory, without what is mapped from files. */
  readonly bytes: number
  /** Of its own and of the system on its behalf, since its start. */
  readonly cpuSeconds: number
}

/** Linux counts times in hundredths of a second for everybody who asks (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100

/** What a process uses; NaN where the system has no /proc. */
export function usageOf(pid: number): Usage {
  if (!existsSync(`/proc/${pid}`)) {
    return { bytes: Number.NaN, cpuSeconds: Number.NaN }
  }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  // The fields are counted from behind the command's name, which may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return {
    bytes: Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
  }
}
