// One of the two servers that a history is told to: it has tokens and ids of its own.
import { type HttpAnswer, type Json, type JsonObject, isObject, parseObject } from './http.ts'
import { lastLearner, ownMember } from './random-cluster.ts'
import type { Shown } from './random-request.ts'
import type { RandomRequest } from './random-request.ts'

/** Sends a request of which nothing is left to translate. */
export type Ask = (request: RandomRequest) => Promise<HttpAnswer>

export class HistorySide {
  readonly #ask: Ask
  /** Of each login of the history. */
  readonly #tokens: string[] = []
  /** By what stands for them in the history. */
  readonly #ids = new Map<string, string>()

  private constructor(ask: Ask) {
    this.#ask = ask
  }

  static async of(ask: Ask): Promise<HistorySide> {
    const side = new HistorySide(ask)
    const message = { key: 'YQ==' }
    const { body } = await ask({ path: '/v3/kv/range', message, body: JSON.stringify(message) })
    const { header } = parseObject(body)
    side.#learn(ownMember, isObject(header) ? header['member_id'] : undefined)
    return side
  }

  /** The answer has the history's ids, and a word for a token. */
  async ask(request: RandomRequest): Promise<HttpAnswer> {
    const { body, shown } = request
    const answer = await this.#ask({
      ...request,
      body: typeof body === 'string' ? this.#own(body) : body,
      message: JSON.parse(this.#own(JSON.stringify(request.message))) as JsonObject,
      ...(shown !== undefined && { shown: this.#shown(shown) }),
    })
    return { ...answer, body: this.#heard(request.path, answer) }
  }

  #heard(path: string, { status, body }: HttpAnswer): string {
    let heard = body
    if (status === 200 && path === '/v3/auth/authenticate') {
      const { token } = parseObject(body)
      this.#tokens.push(String(token))
      heard = heard.replace(String(token), '<token>')
    }
    if (status === 200 && path === '/v3/cluster/member/add') {
      const { member } = parseObject(body)
      this.#learn(lastLearner, isObject(member) ? member['ID'] : undefined)
    }
    for (const [name, id] of this.#ids) {
      heard = heard.replaceAll(id, name)
    }
    return heard
  }

  #learn(name: string, id: Json | undefined): void {
    if (typeof id !== 'string') {
      throw new Error(`no id for ${name}`)
    }
    this.#ids.set(name, id)
  }

  #own(text: string): string {
    let own = text
    for (const [name, id] of this.#ids) {
      own = own.replaceAll(name, id)
    }
    return own
  }

  #shown({ name, value }: Shown): Shown {
    const login = (_: string, at: string): string => this.#tokens[Number(at)] ?? 'no login yet'
    return { name, value: value.replace(/<(\d+)>/, login) }
  }
}
