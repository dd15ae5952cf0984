// One random history for two servers at once: every answer of ours is that of the other.
import { deepEqual } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../random.ts'
import { ask, askOpen, type OpenAnswer, type V2Answer, type V2Request } from './ask.ts'
import { PlainAnswers } from './plain-answers.ts'
import { type Action, type Known, randomAction, shortLived, wiping } from './random-history.ts'

/** Longer than the TTL of a second and the half in which etcd looks for what has ended. */
const expiryMs = 1900
/** An event that comes is expected to have come by then. */
const settledMsMax = 3000

interface Side {
  readonly url: string
  readonly plain: PlainAnswers
}

interface OpenPair {
  readonly request: V2Request
  readonly ours: OpenAnswer
  readonly theirs: OpenAnswer
}

export class ComparedServers {
  readonly #ours: Side
  readonly #theirs: Side
  #known: Known = { index: 0 }

  private constructor(ours: Side, theirs: Side) {
    this.#ours = ours
    this.#theirs = theirs
  }

  static async of(ours: string, theirs: string): Promise<ComparedServers> {
    return new ComparedServers(
      { url: ours, plain: await PlainAnswers.of(ours) },
      { url: theirs, plain: await PlainAnswers.of(theirs) },
    )
  }

  /** A history of `length` actions; one that `expires` waits for TTLs in its middle. */
  async compare(random: Random, length: number, expires: boolean): Promise<void> {
    const taken: Action[] = []
    const open: OpenPair[] = []
    const take = async (action: Action): Promise<void> => {
      taken.push(action)
      await this.#take(action, open)
    }
    try {
      for (const action of wiping) {
        await this.#take(action, open)
      }
      for (let at = 0; at < length; at++) {
        if (expires && at === Math.floor(length / 2)) {
          for (const action of shortLived(random)) {
            await take(action)
          }
          await take({ kind: 'expire' })
        }
        await take(randomAction(random, this.#known))
      }
      await this.#settle(open)
    } catch (error) {
      throw new Error(`in this history:\n${taken.map(written).join('\n')}`, { cause: error })
    } finally {
      for (const { ours, theirs } of open) {
        ours.close()
        theirs.close()
      }
    }
  }

  async #take(action: Action, open: OpenPair[]): Promise<void> {
    if (action.kind === 'expire') {
      await sleep(expiryMs)
    } else if (action.kind === 'open') {
      open.push(await this.#open(action.request))
    } else {
      const { request } = action
      const [ours, theirs] = await Promise.all([
        ask(this.#ours.url, request),
        ask(this.#theirs.url, request),
      ])
      this.#compare(request, ours, theirs)
    }
  }

  async #open(request: V2Request): Promise<OpenPair> {
    const [ours, theirs] = await Promise.all([
      askOpen(this.#ours.url, request),
      askOpen(this.#theirs.url, request),
    ])
    this.#compare(request, { ...ours.head, body: '' }, { ...theirs.head, body: '' })
    return { request, ours, theirs }
  }

  #compare(request: V2Request, ours: V2Answer, theirs: V2Answer): void {
    const isSorted = request.path.includes('sorted=true')
    deepEqual(this.#ours.plain.of(ours, isSorted), this.#theirs.plain.of(theirs, isSorted))
    this.#known = {
      index: Math.max(this.#known.index, Number(theirs.headers['x-etcd-index'] ?? 0)),
    }
  }

  async #settle(open: readonly OpenPair[]): Promise<void> {
    const deadline = Date.now() + settledMsMax
    const heard = (pair: OpenPair): readonly [V2Answer, V2Answer] => [
      this.#ours.plain.of({ ...pair.ours.head, body: said(pair.ours) }, true),
      this.#theirs.plain.of({ ...pair.theirs.head, body: said(pair.theirs) }, true),
    ]
    const same = (pair: OpenPair): boolean => {
      const [ours, theirs] = heard(pair)
      return ours.body === theirs.body
    }
    // A moment for what ought not to come.
    await sleep(open.length > 0 ? 5 : 0)
    while (!open.every(same) && Date.now() < deadline) {
      await sleep(10)
    }
    deepEqual(
      open.map((pair) => heard(pair)[0]),
      open.map((pair) => heard(pair)[1]),
    )
  }
}

const said = (answer: OpenAnswer): string =>
  `${answer.heard()}${answer.hasEnded() ? '(ended)' : '(goes on)'}`

function written(action: Action): string {
  if (action.kind === 'expire') {
    return '(time for TTLs to end)'
  }
  const { method, path, body } = action.request
  const line = `${method} ${path}${body === undefined ? '' : ` <${body}`}`
  return action.kind === 'open' ? `${line} (waits)` : line
}
