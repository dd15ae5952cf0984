import type { Idle, Opening, Tick } from '../told.ts'

/** What the lab tells the page. */
export interface Listener {
  opening(opening: Opening): void
  tick(tick: Tick): void
  idle(idle: Idle): void
  /** An access token is asked for; says what was wrong with the last one, or is empty. */
  locked(problem: string): void
  lost(isLost: boolean): void
}

/** Where the token is kept: in this tab, until it is closed. */
const TOKEN = 'etcdurable-lab-token'
const AGAIN_MS = 1_000
/** So often the lab hears that somebody still looks. */
const HERE_MS = 5_000

/** The way to the lab, which is this page's own server. */
export class Source {
  readonly #listener: Listener
  #unlocked: () => void = () => undefined

  constructor(listener: Listener) {
    this.#listener = listener
  }

  /** Somebody has entered a token. */
  unlock(token: string): void {
    sessionStorage.setItem(TOKEN, token)
    this.#unlocked()
  }

  async post(action: string, body = ''): Promise<string> {
    const response = await this.#ask(action, { method: 'POST', body })
    return response.ok ? response.text() : ''
  }

  /** Has the browser keep what the lab has there as a file. */
  async save(path: string, name: string): Promise<void> {
    const response = await this.#ask(path, {})
    const link = document.createElement('a')
    link.href = URL.createObjectURL(await response.blob())
    link.download = name
    link.click()
    URL.revokeObjectURL(link.href)
  }

  /** Tells the listener for as long as the page is open. */
  async run(): Promise<never> {
    setInterval(() => void this.post('here').catch(() => undefined), HERE_MS)
    for (;;) {
      try {
        await this.#admitted()
        await this.#listen()
      } catch {
        // What was lost is said, and asked for again.
      }
      this.#listener.lost(true)
      await new Promise((resolve) => {
        setTimeout(resolve, AGAIN_MS)
      })
    }
  }

  #ask(path: string, init: RequestInit): Promise<Response> {
    const token = sessionStorage.getItem(TOKEN)
    const headers = token === null ? {} : { Authorization: `Bearer ${token}` }
    return fetch(path, { ...init, headers })
  }

  /** Resolves when there is a token, where one is needed. */
  async #admitted(): Promise<void> {
    const response = await fetch('door')
    const { needsToken } = (await response.json()) as { readonly needsToken: boolean }
    if (needsToken && sessionStorage.getItem(TOKEN) === null) {
      await this.#lock('')
    }
  }

  async #lock(problem: string): Promise<void> {
    sessionStorage.removeItem(TOKEN)
    const unlocked = new Promise<void>((resolve) => {
      this.#unlocked = resolve
    })
    this.#listener.lost(false)
    this.#listener.locked(problem)
    await unlocked
  }

  async #listen(): Promise<void> {
    const response = await this.#ask('events', {})
    if (response.status === 401 || response.status === 403) {
      await this.#lock('That is not the access token of an administrator.')
      return this.#listen()
    }
    if (!response.ok || response.body === null) {
      throw new Error(`the lab answers ${response.status}`)
    }
    this.#listener.lost(false)
    let rest = ''
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const messages = (rest + part.value).split('\n\n')
      rest = messages.pop() ?? ''
      messages.forEach((message) => this.#heard(message))
    }
  }

  #heard(message: string): void {
    const [, name, data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(message) ?? []
    switch (name) {
      case 'opening':
        return this.#listener.opening(JSON.parse(data) as Opening)
      case 'tick':
        return this.#listener.tick(JSON.parse(data) as Tick)
      case 'idle':
        return this.#listener.idle(JSON.parse(data) as Idle)
      default:
        return undefined
    }
  }
}
