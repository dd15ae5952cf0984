import { type Probe, type Subject, tell, thrown } from './words.ts'

/** Answers a WebSocket: `?hibernate` says that it is of that sort. */
export async function wordOf(subject: Subject, search: URLSearchParams): Promise<Response> {
  const { 0: client, 1: server } = new WebSocketPair()
  const headers = { 'Sec-WebSocket-Protocol': search.get('protocol') ?? 'contract' }
  if (search.has('hibernate')) {
    subject.state.acceptWebSocket(server, search.getAll('tag'))
    server.serializeAttachment({ born: subject.born, word: search.get('word') })
  } else {
    server.accept()
    server.binaryType = 'arraybuffer'
    server.addEventListener('message', ({ data }) => {
      void messageOf(subject, server, data as string | ArrayBuffer)
    })
    server.addEventListener('close', ({ code, reason, wasClean }) => {
      subject.notes.push(`close ${code} ${reason} ${wasClean}`)
    })
  }
  server.send('welcome')
  return new Response(null, { status: 101, webSocket: client, headers })
}

/** A text `PROBE ARGS` runs a probe, `close CODE REASON` closes; all else is echoed. */
export async function messageOf(
  subject: Subject,
  socket: WebSocket,
  data: string | ArrayBuffer,
): Promise<void> {
  const [word = '', ...rest] = typeof data === 'string' ? data.split(' ') : []
  if (word === 'close') {
    const [code, ...reason] = rest
    if (code === undefined) {
      socket.close()
    } else {
      socket.close(Number(code), reason.join(' '))
    }
  } else if (word === 'attachment') {
    const attachment: unknown = socket.deserializeAttachment()
    socket.send(JSON.stringify({ attachment, born: subject.born }))
  } else if (word === 'attach') {
    const size = Number(rest[0])
    socket.send(thrown(() => socket.serializeAttachment('x'.repeat(size))))
  } else if (word === 'try') {
    const [, code, ...reason] = rest
    socket.send(thrown(() => socket.close(Number(code), reason.join(' '))))
  } else if (word === 'many') {
    for (let count = 0; count < Number(rest[0]); count++) {
      socket.send(String(count))
    }
  } else {
    const answer = subject.ask(word, rest.join(' ') || '[]')
    const echo = typeof data === 'string' ? `echo ${data}` : data
    socket.send(answer === undefined ? echo : JSON.stringify(await answer))
  }
}

export const socketProbes: Readonly<Record<string, Probe>> = {
  sockets: ({ state }) =>
    state
      .getWebSockets()
      .map((socket) => tell([socket.readyState, socket.deserializeAttachment()])),

  /** What is attached to those that have a tag. */
  tagged: ({ state }, [tag]: [string]) =>
    state.getWebSockets(tag).map((socket) => tell(socket.deserializeAttachment())),

  /** To all that hibernate. */
  broadcast: ({ state }, [text]: [string]) =>
    state.getWebSockets().forEach((socket) => socket.send(text)),

  /** Sends and then writes what cannot be committed. */
  broadcastAndDangle: (subject, [text]: [string]) => {
    subject.state.getWebSockets().forEach((socket) => socket.send(text))
    return subject.ask('dangle', '[]')
  },

  /** Within one isolate: what each end of a pair hears of the other. */
  pair: async () => {
    const { 0: a, 1: b } = new WebSocketPair()
    a.accept()
    b.accept()
    const heard: unknown[] = []
    for (const [name, end] of [
      ['a', a],
      ['b', b],
    ] as const) {
      end.binaryType = 'arraybuffer'
      end.addEventListener('message', ({ data }) => heard.push([name, tell(data)]))
      end.addEventListener('close', ({ code, reason, wasClean }) =>
        heard.push([name, code, reason, wasClean]),
      )
    }
    a.send('text')
    b.send(new Uint8Array([1, 2, 3]).subarray(1))
    await scheduler.wait(50)
    b.close(4001, 'enough')
    await scheduler.wait(50)
    heard.push(thrown(() => b.send('late')))
    return heard
  },
}
