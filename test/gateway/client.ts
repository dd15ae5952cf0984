// The gateway as its clients see it, in front of a real shard.
import { env } from 'cloudflare:workers'
import { gateway } from '../../src/gateway/app.ts'

type Variables = Omit<Env, 'SHARD' | 'DIRECTORY' | 'REPLICA' | 'LAB' | 'LAB_CLIENT'>

export type Client = (path: string, init?: RequestInit) => Promise<Response>

/** A gateway with those settings. All of them share one shard. Paths may be whole URLs. */
export function gatewayWith(variables: Variables): Client {
  // Tests come from one address, and are refused a lot.
  const { REQUEST_LIMIT: _, REFUSAL_LIMIT: __, ...unlimited } = env
  const environment: Env = { ...unlimited, ...variables }
  return async (path, init) =>
    gateway.fetch(new Request(new URL(path, 'http://store.example.com'), init), environment)
}

/** The gateway of the embedded start. */
export const ask = gatewayWith({ EMBEDDED: 'true' })

export const post = (
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> =>
  ask(path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { ...headers },
  })

/** The parsed body of an answer that is 200. */
export async function answer<T = unknown>(path: string, body: unknown): Promise<T> {
  const response = await post(path, body)
  if (response.status !== 200) {
    throw new Error(`${path}: ${response.status} ${await response.text()}`)
  }
  return response.json()
}

export function base64(text: string): string {
  return btoa(text)
}

export async function put(key: string, value: string): Promise<void> {
  await answer('/v3/kv/put', { key: base64(key), value: base64(value) })
}

/** A value of /metrics without labels. */
export async function metric(name: string): Promise<number> {
  const text = await (await ask('/metrics')).text()
  const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? []
  return Number(value)
}

/** Resolves when `condition` holds. The test's own time limit ends what never does. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) {
    await scheduler.wait(1)
  }
}

/** A request body that is written piece by piece. */
export class Upload {
  readonly #transform = new TransformStream<Uint8Array, Uint8Array>()
  readonly #writer = this.#transform.writable.getWriter()

  get body(): ReadableStream<Uint8Array> {
    return this.#transform.readable
  }

  async write(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text))
  }

  async end(): Promise<void> {
    await this.#writer.close()
  }

  /** As when the client's connection breaks. */
  async break(): Promise<void> {
    await this.#writer.abort(new Error('the connection broke'))
  }
}

/** The lines of a streaming answer, one after the other. */
export class LineReader {
  readonly #reader: ReadableStreamDefaultReader<string>
  #text = ''

  constructor(response: Response) {
    if (response.body === null) {
      throw new Error('the answer has no body')
    }
    this.#reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  }

  /** The next line without its newline; undefined at the end. */
  async next(): Promise<string | undefined> {
    while (!this.#text.includes('\n')) {
      const { done, value } = await this.#reader.read()
      if (done) {
        return undefined
      }
      this.#text += value
    }
    const end = this.#text.indexOf('\n')
    const line = this.#text.slice(0, end)
    this.#text = this.#text.slice(end + 1)
    return line
  }

  /** The next line, parsed. */
  async json(): Promise<unknown> {
    return JSON.parse((await this.next()) ?? 'null')
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel()
  }
}
