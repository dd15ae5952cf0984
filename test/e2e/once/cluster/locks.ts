// Clients that take the same lock again and again, and know how long they may believe that they hold it.
import { setTimeout as sleep } from 'node:timers/promises'
import { GrpcClient } from '../../grpc-client.ts'
import { isRefusal, NoMessage } from '../../grpc-streams.ts'

const NAME = Buffer.from('lock')
/** Longer than a takeover: a lease that ended early would end while its holder counts on it. */
const TTL_SECONDS = 30
const DEADLINE_MS = 8_000
const LOCK_DEADLINE_MS = 60_000
const BACKOFF_MS = 100
const HOLD_MS = 20

/** One holder's certainty, in ms of one clock. */
export interface Hold {
  readonly holder: number
  readonly from: number
  /** When it gave the lock back, or its lease may have ended, as far as it knows. */
  until: number
}

export class LockHolders {
  readonly holds: Hold[] = []
  readonly #urls: readonly string[]
  readonly #holders: Promise<void>[]
  readonly #gripped = Promise.withResolvers<void>()
  #grips = false
  #isOver = false

  constructor(urls: readonly string[], count: number) {
    this.#urls = urls
    this.#holders = Array.from({ length: count }, (_, holder) => this.#hold(holder))
  }

  /** The next one who gets it keeps it for as long as its lease lasts, and does not renew that. */
  async grip(): Promise<void> {
    this.#grips = true
    await this.#gripped.promise
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#holders)
  }

  async #hold(holder: number): Promise<void> {
    for (let place = holder; !this.#isOver; place++) {
      const client = new GrpcClient(this.#urls[place % this.#urls.length] ?? '')
      try {
        while (!this.#isOver) {
          await this.#once(client, holder)
        }
      } catch (error) {
        if (!isRefusal(error) && !(error instanceof NoMessage)) {
          throw error
        }
        await sleep(BACKOFF_MS)
      } finally {
        client.close()
      }
    }
  }

  async #once(client: GrpcClient, holder: number): Promise<void> {
    const granted = await client.call(
      '/etcdserverpb.Lease/LeaseGrant',
      { TTL: TTL_SECONDS },
      { deadlineMs: DEADLINE_MS },
    )
    // It lives at least as long from when it was asked for, whatever the answer's way took.
    const stream = client.stream('/etcdserverpb.Lease/LeaseKeepAlive')
    try {
      let asked = performance.now()
      const keep = async (): Promise<void> => {
        const now = performance.now()
        stream.send({ ID: granted.ID })
        const kept = await stream.next()
        asked = (kept?.TTL ?? 0) > 0 ? now : asked
      }
      const { key } = await client.call(
        '/v3lockpb.Lock/Lock',
        { name: NAME, lease: granted.ID },
        { deadlineMs: LOCK_DEADLINE_MS },
      )
      await keep()
      const hold = { holder, from: performance.now(), until: asked + TTL_SECONDS * 1000 }
      this.holds.push(hold)
      if (this.#grips) {
        this.#grips = false
        this.#gripped.resolve()
        await sleep(hold.until - hold.from)
        return
      }
      await sleep(HOLD_MS)
      // Whoever asks for it to be given back does not count on it from then on.
      hold.until = Math.min(hold.until, performance.now())
      await client.call('/v3lockpb.Lock/Unlock', { key }, { deadlineMs: DEADLINE_MS })
    } finally {
      stream.cancel()
    }
  }
}

/** Where two were certain at once, in words. */
export function overlapsOf(holds: readonly Hold[]): readonly string[] {
  const inOrder = holds.toSorted((a, b) => a.from - b.from)
  return inOrder.flatMap((hold, place) => {
    const before = inOrder.slice(0, place).find(({ until }) => until > hold.from)
    return before === undefined
      ? []
      : [
          `${hold.holder} held the lock from ${hold.from} on, and ${before.holder} until ${before.until}`,
        ]
  })
}
