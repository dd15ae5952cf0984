import { usageOf } from './process-usage.ts'

const SAMPLE_MS = 20

/** Bytes of main memory that a process holds; undefined where nothing is known of it. */
function residentBytes(pid: number): number | undefined {
  const { residentBytes: bytes } = usageOf(pid)
  return Number.isNaN(bytes) ? undefined : bytes
}

/**
 * By how many bytes a process grows beyond its size at the start while `body` runs; undefined for
 * no process, and where none can be looked at.
 */
export async function growthWhile<T>(
  pid: number | undefined,
  body: () => Promise<T>,
): Promise<{
  readonly result: T
  readonly growth: number | undefined
  /** The most bytes that it held. */
  readonly peak: number | undefined
}> {
  const before = pid === undefined ? undefined : residentBytes(pid)
  if (pid === undefined || before === undefined) {
    return { result: await body(), growth: undefined, peak: undefined }
  }
  let peak = before
  const sample = (): void => {
    peak = Math.max(peak, residentBytes(pid) ?? 0)
  }
  const timer = setInterval(sample, SAMPLE_MS)
  try {
    const result = await body()
    sample()
    return { result, growth: peak - before, peak }
  } finally {
    clearInterval(timer)
  }
}
