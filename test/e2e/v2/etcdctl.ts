// The installed etcdctl with ETCDCTL_API=2, and a transcript of what it printed and how it ended.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { PlainAnswers } from './plain-answers.ts'

export class EtcdctlV2 {
  readonly #url: string
  readonly #plain: PlainAnswers
  readonly #sections: string[] = []
  readonly #running: ChildProcessWithoutNullStreams[] = []

  private constructor(url: string, plain: PlainAnswers) {
    this.#url = url
    this.#plain = plain
  }

  static async of(url: string): Promise<EtcdctlV2> {
    return new EtcdctlV2(url, await PlainAnswers.of(url))
  }

  get transcript(): string {
    return this.#sections.join('\n')
  }

  /** Each line is a command; its words have no spaces but within quotes. What follows ` < ` is typed. */
  async runAll(lines: string): Promise<void> {
    for (const line of lines.trim().split('\n')) {
      const [command = '', input] = line.trim().split(' < ')
      const { output, code } = await this.#end(this.#spawn(command), input ?? '')
      this.#note(line.trim(), output, code)
    }
  }

  /** Runs a command that goes on until it has printed `pattern` or ends, while `meanwhile` is run. */
  async runWith(line: string, meanwhile: string, pattern: RegExp): Promise<void> {
    // A runtime may count who has left for some seconds more.
    await this.#untilWaiting((count) => count === 0)
    const child = this.#spawn(line)
    const watching = { isLate: false }
    const deadline = setTimeout(() => {
      watching.isLate = true
      child.kill('SIGKILL')
    }, 20_000)
    let output = ''
    const matched = Promise.withResolvers<void>()
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (pattern.test(output)) {
          matched.resolve()
        }
      })
    }
    const ended = once(child, 'close')
    await this.#untilWaiting((count) => count > 0)
    await this.runAll(meanwhile)
    await Promise.race([matched.promise, ended])
    child.kill('SIGINT')
    await ended
    clearTimeout(deadline)
    if (watching.isLate) {
      throw new Error(`${line} did not print ${String(pattern)}: ${output}`)
    }
    this.#note(line, output, child.exitCode)
  }

  close(): void {
    this.#running.forEach((child) => child.kill('SIGKILL'))
  }

  /** Until so many long polls wait at the server. */
  async #untilWaiting(isRight: (count: number) => boolean): Promise<void> {
    const deadline = Date.now() + 20_000
    for (let count = Number.NaN; !isRight(count);) {
      if (Date.now() > deadline) {
        throw new Error(`${count} wait`)
      }
      const answer = await fetch(`${this.#url}/v2/stats/store`)
      count = ((await answer.json()) as StoreStats).watchers
    }
  }

  #spawn(line: string): ChildProcessWithoutNullStreams {
    const words = [...this.#plain.own(line).matchAll(/'([^']*)'|(\S+)/g)].map(
      ([, quoted, word]) => quoted ?? word ?? '',
    )
    const env = Object.entries(process.env).filter(([name]) => !name.startsWith('ETCDCTL_'))
    const child = spawn('etcdctl', ['--endpoints', this.#url, ...words], {
      env: { ...Object.fromEntries(env), ETCDCTL_API: '2' },
    })
    this.#running.push(child)
    return child
  }

  async #end(
    child: ChildProcessWithoutNullStreams,
    input: string,
  ): Promise<{ output: string; code: number | null }> {
    let [output, complaints] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
    // A command that reads no input may have ended before it is given any.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    await once(child, 'close')
    return { output: output + complaints, code: child.exitCode }
  }

  #note(line: string, output: string, code: number | null): void {
    const ending = code === 0 || code === null ? '' : `exit ${code}\n`
    const lines = output === '' || output.endsWith('\n') ? output : `${output}\n`
    this.#sections.push(`$ etcdctl ${line}\n${this.#plain.text(lines)}${ending}`)
  }
}

interface StoreStats {
  readonly watchers: number
}
