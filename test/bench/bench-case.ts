import type { Contestant, Running, StartOptions } from './contestant.ts'

interface BenchOptions {
  readonly contestants: readonly Contestant[]
  /** How long a single measurement lasts, where that is for us to choose. */
  readonly seconds: number
  readonly rounds: number
}

/** What a round has measured, by what it is called; the unit is the end of the name. */
export type Figures = Readonly<Record<string, number>>

/** One line of the table: a figure of all rounds, by contestant. */
export interface Row {
  readonly name: string
  readonly rounds: readonly (readonly number[])[]
}

export interface BenchCase {
  readonly name: string
  readonly about: string
  /** Asks for nothing but what Kubernetes asks for, so that kine takes part. */
  readonly forKubernetes?: true
  readonly run: (options: BenchOptions) => Promise<readonly Row[]>
}

/**
 * Measures the contestants alternately, each round in the reverse order of the one before, so that
 * what else the machine does falls on all of them.
 */
export async function alternate<T>(
  subjects: readonly T[],
  rounds: number,
  measure: (subject: T, round: number) => Promise<Figures>,
): Promise<readonly Row[]> {
  const rows = new Map<string, number[][]>()
  for (let round = 0; round < rounds; round++) {
    const places = [...subjects.keys()]
    for (const place of round % 2 === 0 ? places : places.toReversed()) {
      const subject = subjects[place] as T
      for (const [name, value] of Object.entries(await measure(subject, round))) {
        const row = rows.get(name) ?? subjects.map(() => [])
        rows.set(name, row)
        row[place]?.push(value)
      }
    }
  }
  return [...rows].map(([name, values]) => ({ name, rounds: values }))
}

/** Starts all contestants, and stops them whatever becomes of `use`. */
export async function withRunning<T>(
  contestants: readonly Contestant[],
  use: (running: readonly Running[]) => Promise<T>,
  options: StartOptions = {},
): Promise<T> {
  const running: Running[] = []
  try {
    for (const contestant of contestants) {
      running.push(await contestant.start(options))
    }
    return await use(running)
  } finally {
    await Promise.all(running.map((server) => server.stop()))
  }
}
