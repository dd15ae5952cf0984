import { ProcessorTime } from './process-usage.ts'
import { percentile } from './samples.ts'

/** What a load has measured. */
export interface UnaryResult {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time of the server's processes for one request; NaN where it is not known. */
  readonly cpuMicros: number
}

/** Counts the answers of some seconds, after a quarter as long that is not counted. */
export class MeasuredWindow {
  readonly #begin: number
  readonly #end: number
  readonly #latencies: number[] = []
  readonly #processor: ProcessorTime | undefined
  #cpuAtBegin: number | undefined
  #cpuAtEnd: number | undefined

  /** For Infinity it counts from the start until `result` is asked for. */
  constructor(seconds: number, serverPid?: number) {
    this.#processor = serverPid === undefined ? undefined : new ProcessorTime(serverPid)
    this.#cpuAtBegin = seconds === Infinity ? this.#processor?.seconds : undefined
    this.#begin = performance.now() + (seconds === Infinity ? 0 : seconds * 250)
    this.#end = this.#begin + seconds * 1000
  }

  /** Counts a request that left at `sentAt` and is answered now. Whether time is up. */
  over(sentAt: number): boolean {
    const now = performance.now()
    if (now >= this.#begin) {
      this.#cpuAtBegin ??= this.#processor?.seconds
    }
    if (now >= this.#end) {
      this.#cpuAtEnd ??= this.#processor?.seconds
    }
    if (now >= this.#begin && now < this.#end) {
      this.#latencies.push(now - sentAt)
    }
    return now >= this.#end
  }

  result(): UnaryResult {
    const seconds = (Math.min(this.#end, performance.now()) - this.#begin) / 1000
    const cpuAtEnd = this.#cpuAtEnd ?? this.#processor?.seconds ?? Number.NaN
    const cpuSeconds = cpuAtEnd - (this.#cpuAtBegin ?? Number.NaN)
    return {
      perSecond: this.#latencies.length / seconds,
      p50Ms: percentile(this.#latencies, 0.5),
      p99Ms: percentile(this.#latencies, 0.99),
      cpuMicros: (cpuSeconds / this.#latencies.length) * 1e6,
    }
  }
}

/** The lines of a table that tell of it. */
export function unaryFigures(name: string, result: UnaryResult): Readonly<Record<string, number>> {
  return {
    [`${name}, per s`]: result.perSecond,
    [`${name}, p50 ms`]: result.p50Ms,
    [`${name}, p99 ms`]: result.p99Ms,
    [`${name}, processor µs each`]: result.cpuMicros,
  }
}
