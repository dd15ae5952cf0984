// What a server was asked and answered in a row, in lines that are the same for each server.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, askOpen, type V2Answer } from './ask.ts'
import { PlainAnswers } from './plain-answers.ts'
import { parseRequest } from './written-request.ts'

/** A request that waits, what is done meanwhile, and what it has then heard. */
export interface Waiting {
  readonly waits: string
  readonly meanwhile: readonly string[]
  /** How many events it is to hear; 1 ends a long poll, 0 is one that hears nothing. */
  readonly events: number
}

/** A pause for what happens by itself. */
interface Pause {
  readonly pauseMs: number
}

/** `repeat` asks the same so often and notes the last answer. */
export interface Repeat {
  readonly repeat: string
  readonly times: number
}

export type Step = string | Waiting | Pause | Repeat

/** Long enough for an event that must not come. */
const silenceMs = 150
const eventMsMax = 10_000

export class Transcript {
  readonly #url: string
  readonly #plain: PlainAnswers
  readonly #lines: string[] = []

  private constructor(url: string, plain: PlainAnswers) {
    this.#url = url
    this.#plain = plain
  }

  static async of(url: string): Promise<Transcript> {
    return new Transcript(url, await PlainAnswers.of(url))
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`
  }

  async take(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (typeof step === 'string') {
        await this.#request(step)
      } else if ('pauseMs' in step) {
        await sleep(step.pauseMs)
      } else if ('repeat' in step) {
        await this.#repeat(step)
      } else {
        await this.#wait(step)
      }
    }
  }

  async #request(line: string): Promise<void> {
    this.#note(line, await ask(this.#url, parseRequest(this.#plain.own(line))))
  }

  async #repeat({ repeat, times }: Repeat): Promise<void> {
    for (let time = 1; time < times; time++) {
      await ask(this.#url, parseRequest(repeat))
    }
    await this.#request(repeat)
  }

  async #wait({ waits, meanwhile, events }: Waiting): Promise<void> {
    const open = await askOpen(this.#url, parseRequest(waits))
    try {
      await this.take(meanwhile)
      const late = AbortSignal.timeout(events === 0 ? silenceMs : eventMsMax)
      const isLate = once(late, 'abort')
      while (!late.aborted && !open.hasEnded() && eventsIn(open.heard()) < Math.max(events, 1)) {
        await Promise.race([open.more(), isLate])
      }
      this.#note(`${waits} (waits)`, { ...open.head, body: open.heard() })
    } finally {
      open.close()
    }
  }

  #note(request: string, answer: V2Answer): void {
    const { status, headers, body } = this.#plain.of(answer, request.includes('sorted=true'))
    // What v3 answers is not looked at here.
    const heard = request.includes(' /v3/') ? { status } : { status, headers, body }
    this.#lines.push(JSON.stringify({ request, ...heard }))
  }
}

const eventsIn = (text: string): number => text.split('\n').length - 1
