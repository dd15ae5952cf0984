import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LeaderNews, LeaderOrder } from './leader-host.ts'

/** A leader in a process of its own, and in another thread of that its replica, once there is one. */
export class TwoHosts {
  readonly #child: ChildProcess
  readonly #directory: string
  /** Of the leader's clients. */
  readonly url: string

  static async start(rttMs: number): Promise<TwoHosts> {
    const directory = await mkdtemp(join(tmpdir(), 'bench-hosts-'))
    const program = join(import.meta.dirname, 'leader-host.ts')
    const child = fork(program, [directory, String(rttMs)])
    const [news] = (await once(child, 'message')) as [LeaderNews]
    return new TwoHosts(child, directory, 'url' in news ? news.url : '')
  }

  private constructor(child: ChildProcess, directory: string, url: string) {
    this.#child = child
    this.#directory = directory
    this.url = url
  }

  /** `add` is done when the replica has nearly all. */
  async order(order: LeaderOrder): Promise<void> {
    const done = once(this.#child, 'message')
    this.#child.send(order)
    await done
  }

  async stop(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    await closed
    await rm(this.#directory, { recursive: true })
  }
}
