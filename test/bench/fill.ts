import { runLoad } from './load.ts'

export interface Filling {
  readonly prefix: string
  readonly keys: number
  readonly valueBytes: number
  /** How often each key is put: all but the last time is history. */
  readonly times: number
}

/** Puts the keys in their order. */
export async function fill(url: string, filling: Filling): Promise<void> {
  await runLoad({
    kind: 'unary',
    url,
    clients: 4,
    seconds: Infinity,
    requests: { kind: 'fill', ...filling },
  })
}
