/** What replication knows of time. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Lets others have their turn. */
  turn(): Promise<void>
  wait(ms: number): Promise<void>
}
