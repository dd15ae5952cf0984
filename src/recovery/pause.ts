/** Changes that are looked at between two pauses: a few milliseconds. */
export const CHANGES_AT_ONCE = 2_000

/** Lets others have their turn: at home they share the thread. */
export function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0)
  })
}
