import { readdirSync, readFileSync } from 'node:fs'

export interface Usage {
  /** Of main memory, without what is mapped from files. */
  readonly bytes: number
  /** Of main memory, with what is mapped from files. */
  readonly residentBytes: number
  /** Of its own and of the system on its behalf, since its start. */
  readonly cpuSeconds: number
}

/** Linux counts times in hundredths of a second for everybody who asks (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100

/** What a process uses; NaN where it has ended and where the system has no /proc. */
export function usageOf(pid: number): Usage {
  const status = readProc(`${pid}/status`)
  const fields = statFields(pid)
  const kilobytes = (line: RegExp): number => Number(line.exec(status)?.[1]) * 1024
  return {
    bytes: kilobytes(/^RssAnon:\s+(\d+) kB$/m),
    residentBytes: kilobytes(/^VmRSS:\s+(\d+) kB$/m),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
  }
}

/** What a process and all below it use together. */
export function usageOfTree(pid: number): Usage {
  return sum(processTree(pid))
}

/** Processor time of a process and of those that were below it when this was made. */
export class ProcessorTime {
  readonly #tree: readonly number[]

  constructor(pid: number) {
    this.#tree = processTree(pid)
  }

  get seconds(): number {
    return sum(this.#tree).cpuSeconds
  }
}

function sum(pids: readonly number[]): Usage {
  const each = pids.map(usageOf)
  const total = (field: keyof Usage): number => each.reduce((so, usage) => so + usage[field], 0)
  return {
    bytes: total('bytes'),
    residentBytes: total('residentBytes'),
    cpuSeconds: total('cpuSeconds'),
  }
}

/** The process, all that it has started, and all that those have. */
function processTree(root: number): readonly number[] {
  const parents = new Map(allPids().map((pid) => [pid, Number(statFields(pid)[1])]))
  const tree = [root]
  // A loop over an array sees what is added to it meanwhile.
  for (const pid of tree) {
    tree.push(...[...parents].filter(([, parent]) => parent === pid).map(([child]) => child))
  }
  return tree
}

function allPids(): readonly number[] {
  return process.platform === 'linux'
    ? readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map(Number)
    : []
}

/** The fields of /proc/PID/stat behind the command's name, which may hold anything. */
function statFields(pid: number): readonly string[] {
  return readProc(`${pid}/stat`).split(') ').at(-1)?.split(' ') ?? []
}

/** A file of /proc; empty where its process has ended. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && /^(ENOENT|ESRCH)$/.test(String(error.code))) {
      return ''
    }
    throw error
  }
}
