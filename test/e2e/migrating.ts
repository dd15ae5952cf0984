// `migrate` at work, and what it moves: an etcd that is written to.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Outcome } from './command.ts'
import { GrpcClient, type RequestOf } from './grpc-client.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'start.js')

/** What it has to say comes within that time. */
const LINE_MS_MAX = 30_000

/** The command at work. */
export class Migrating {
  readonly #child
  readonly #closed
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [main, 'migrate', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#closed = once(this.#child, 'close')
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text))
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
  }

  /** Until it has written that to stderr. */
  async says(wanted: RegExp): Promise<void> {
    const until = Date.now() + LINE_MS_MAX
    while (!wanted.test(this.#stderr)) {
      if (this.#child.exitCode !== null || Date.now() > until) {
        throw new Error(`it says no ${String(wanted)}: ${this.#stderr}`)
      }
      await sleep(2)
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async ended(): Promise<Outcome> {
    await this.#closed
    return { code: this.#child.exitCode, stdout: this.#stdout, stderr: this.#stderr }
  }
}

export const put = (key: string, value: string | Buffer, lease = 0n) => ({
  requestPut: {
    key: Buffer.from(key),
    value: Buffer.from(value),
    lease,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
  },
})

export const remove = (key: string, end = '') => ({
  requestDeleteRange: { key: Buffer.from(key), rangeEnd: Buffer.from(end), prevKv: false },
})

type Op = ReturnType<typeof put> | ReturnType<typeof remove>

/** A client that logs in where it has a name. */
export class Writer {
  readonly url: string
  readonly #client: GrpcClient
  readonly #metadata: Record<string, string> = {}

  constructor(url: string) {
    this.url = url
    this.#client = new GrpcClient(url)
  }

  async logIn(name: string, password: string): Promise<void> {
    const method = '/etcdserverpb.Auth/Authenticate'
    this.#metadata['token'] = (await this.#client.call(method, { name, password })).token
  }

  ask<M extends Parameters<GrpcClient['call']>[0]>(method: M, request: Partial<RequestOf<M>>) {
    return this.#client.call(method, request, { metadata: this.#metadata })
  }

  /** Answers the revision. */
  async write(ops: readonly Op[]): Promise<number> {
    const { header } = await this.ask('/etcdserverpb.KV/Txn', {
      success: ops,
    })
    return header?.revision ?? 0
  }

  async hash(revision = 0): Promise<object> {
    const { hash, compactRevision } = await this.ask('/etcdserverpb.Maintenance/HashKV', {
      revision,
    })
    return { hash, compactRevision }
  }

  close(): void {
    this.#client.close()
  }
}

/** Writes on and on, each change behind the one before, until it is refused. */
export async function writeUntilRefused(
  writer: Writer,
  stop: AbortSignal,
): Promise<{ readonly last: number; readonly refusal: string }> {
  let last = 0
  for (let i = 0; ; i++) {
    const ops =
      i % 5 === 0
        ? [put(`w${i % 200}`, `${i}`), put(`x${i}`, `${i}`), remove(`w${(i + 7) % 200}`)]
        : [i % 11 === 0 ? remove(`w${i % 50}`, `w${i % 50}9`) : put(`w${i % 300}`, `value ${i}`)]
    try {
      last = Math.max(last, await writer.write(ops))
    } catch (error) {
      return { last, refusal: (error as { readonly details: string }).details }
    }
    if (stop.aborted) {
      return { last, refusal: '' }
    }
  }
}
