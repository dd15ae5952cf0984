/** Where on this machine a program runs. */
export interface Place {
  /** Its address there. */
  readonly host: string
  /** The words before a command that start it there. */
  readonly enter: readonly string[]
}

export const LOOPBACK: Place = { host: '127.0.0.1', enter: [] }

/** A program and its arguments, as they are started there. */
export function commandAt(
  { enter }: Place,
  program: string,
  args: readonly string[],
): readonly [string, readonly string[]] {
  const [first = program, ...others] = [...enter, program, ...args]
  return [first, others]
}
