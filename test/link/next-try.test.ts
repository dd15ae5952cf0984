import { expect, it, onTestFinished, vi } from 'vitest'
import type { LinkRoute } from '../../src/link/connection.ts'
import { Link } from '../../src/link/link.ts'

const TRIES = 20
/** Of the first pause. */
const PAUSE_MS = 50

/** Of which no connection comes about. */
class NoRoute implements LinkRoute {
  readonly name = 'nowhere'
  tries = 0
  readonly #waited: boolean

  constructor(waited: boolean) {
    this.#waited = waited
  }

  connect(listener: Parameters<LinkRoute['connect']>[0]): ReturnType<LinkRoute['connect']> {
    this.tries++
    const waited = this.#waited
    queueMicrotask(() => listener.closed({ reason: 'nobody is there', refused: false, waited }))
    return { queuedBytes: 0, send: () => undefined, close: () => undefined }
  }
}

it.for([
  ['waited for in vain is followed by the next one at once', true],
  ['failed at once is followed by longer and longer pauses', false],
] as const)('[LNK60] a try that %s', async ([, waited]) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const route = new NoRoute(waited)
  const link = new Link({ route, clientUrls: '', log: () => undefined })
  link.start().catch(() => undefined)
  await vi.advanceTimersByTimeAsync(TRIES * PAUSE_MS)
  link.close()
  expect(route.tries >= TRIES).toBe(waited)
})
