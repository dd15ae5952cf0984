import { buildBundle } from '../../src/cli/bundle.ts'

/** Builds the Worker before the first server starts, since those of several files start at once. */
export async function setup(): Promise<void> {
  await buildBundle()
}
