import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Connections that are opened at once. */
const AT_ONCE = 100

/** Clients of etcd's v2 API that wait, each on a connection of its own. */
export class LongPolls {
  readonly #sockets: Socket[] = []
  #told = 0

  /** One for each path; resolves when all have the head of their answer. */
  static async open(url: string, paths: readonly string[]): Promise<LongPolls> {
    const polls = new LongPolls()
    for (let at = 0; at < paths.length; at += AT_ONCE) {
      await Promise.all(paths.slice(at, at + AT_ONCE).map((path) => polls.#open(url, path)))
    }
    return polls
  }

  async #open(url: string, path: string): Promise<void> {
    const { hostname, host, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    this.#sockets.push(socket)
    socket.write(`GET ${path}?wait=true HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    const [head] = (await once(socket, 'data')) as [Buffer]
    if (!head.includes('200 OK')) {
      throw new Error(`a long poll was answered ${head.toString()}`)
    }
    socket.on('data', (event: Buffer) => {
      if (event.includes('"action"')) {
        this.#told++
      }
    })
  }

  /** How many have heard of a change. */
  get told(): number {
    return this.#told
  }

  close(): void {
    this.#sockets.forEach((socket) => socket.destroy())
  }
}
