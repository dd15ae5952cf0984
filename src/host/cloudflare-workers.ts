// What `import … from 'cloudflare:workers'` is in this process (module-hooks.ts).

import { Tasks } from './tasks.ts'

/** The base class of Durable Objects. */
export class DurableObject {
  protected readonly ctx: unknown
  protected readonly env: unknown

  constructor(ctx: unknown, env: unknown) {
    this.ctx = ctx
    this.env = env
  }
}

/** A request's work goes on here by itself, and keeps an object in memory; what it throws is the log's. */
export function waitUntil(promise: Promise<unknown>): void {
  const { current } = Tasks
  if (current === undefined) {
    // oxlint-disable-next-line no-console -- a Worker's log is its console
    promise.catch((error: unknown) => console.error(error))
  } else {
    current.waitFor(promise)
  }
}
