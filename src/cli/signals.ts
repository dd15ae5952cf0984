import { once } from 'node:events'

/** Resolves at the first signal that asks for an end. */
export async function untilSignal(): Promise<void> {
  await Promise.race(['SIGTERM', 'SIGINT', 'SIGHUP'].map((signal) => once(process, signal)))
}
