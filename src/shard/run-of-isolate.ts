let run: string | undefined

/** Tells this run of the runtime from others, on whichever node. No randomness is to be had before the first event. */
export function runOfIsolate(): string {
  run ??= crypto.randomUUID()
  return run
}
