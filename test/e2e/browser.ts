// A real browser, spoken to by the DevTools protocol over a pipe: one page, no window.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

/** Undefined where there is none on this machine. */
export const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)

interface Reply {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly type?: string; readonly request?: { readonly url: string } }
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

interface Evaluated {
  readonly result: { readonly value?: unknown }
  readonly exceptionDetails?: { readonly exception?: { readonly description?: string } }
}

export class Browser {
  readonly #child: ChildProcess
  readonly #profile: string
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  #session: string | undefined
  #last = 0
  /** What the page has complained of, in the protocol's words. */
  readonly complaints: string[] = []
  /** All that it has asked for. */
  readonly requests: string[] = []

  static async open(command: string): Promise<Browser> {
    const browser = new Browser(command)
    const { targetId } = (await browser.#send('Target.createTarget', {
      url: 'about:blank',
    })) as { readonly targetId: string }
    const attach = { targetId, flatten: true }
    const attached = (await browser.#send('Target.attachToTarget', attach)) as {
      readonly sessionId: string
    }
    browser.#session = attached.sessionId
    for (const domain of ['Runtime', 'Log', 'Page', 'Network']) {
      await browser.#send(`${domain}.enable`)
    }
    return browser
  }

  private constructor(command: string) {
    this.#profile = mkdtempSync(join(tmpdir(), 'browser-'))
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe']
    this.#child = spawn(command, [...flags, `--user-data-dir=${this.#profile}`], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    })
    let rest = ''
    const from = this.#child.stdio[4] as Readable
    from.setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0')
      rest = messages.pop() ?? ''
      messages.forEach((message) => this.#heard(JSON.parse(message) as Reply))
    })
  }

  #heard(reply: Reply): void {
    const { id, method, params } = reply
    if (id !== undefined) {
      this.#waiting.get(id)?.(reply)
      this.#waiting.delete(id)
    } else if (method === 'Network.requestWillBeSent') {
      this.requests.push(params?.request?.url ?? '')
    } else if (
      method === 'Runtime.exceptionThrown' ||
      method === 'Log.entryAdded' ||
      method === 'Runtime.consoleAPICalled'
    ) {
      this.complaints.push(JSON.stringify(params))
    }
  }

  async #send(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#last
    const reply = new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve)
    })
    const session = this.#session === undefined ? {} : { sessionId: this.#session }
    const to = this.#child.stdio[3] as Writable
    to.write(`${JSON.stringify({ id, method, params, ...session })}\0`)
    const { result, error } = await reply
    if (error !== undefined) {
      throw new Error(`${method}: ${error.message}`)
    }
    return result
  }

  async visit(url: string): Promise<void> {
    await this.#send('Page.navigate', { url })
  }

  /** Runs code in the page; resolves to its value. */
  async run(expression: string): Promise<unknown> {
    const wanted = { expression, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails } = (await this.#send('Runtime.evaluate', wanted)) as Evaluated
    if (exceptionDetails !== undefined) {
      throw new Error(exceptionDetails.exception?.description ?? 'it threw')
    }
    return result.value
  }

  /** Until the code's value is true. */
  async until(expression: string): Promise<void> {
    while ((await this.run(expression)) !== true) {
      await new Promise((resolve) => {
        setTimeout(resolve, 50)
      })
    }
  }

  /** A key, as by hand: `Tab`, `Enter`, `Space`. */
  async press(key: 'Tab' | 'Enter' | 'Space'): Promise<void> {
    const keys = {
      Tab: { key: 'Tab', windowsVirtualKeyCode: 9 },
      Enter: { key: 'Enter', windowsVirtualKeyCode: 13, text: '\r' },
      Space: { key: ' ', windowsVirtualKeyCode: 32, text: ' ' },
    }
    await this.#send('Input.dispatchKeyEvent', { type: 'keyDown', code: key, ...keys[key] })
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', code: key, ...keys[key] })
  }

  async close(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await closed
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}
