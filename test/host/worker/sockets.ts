import { probes } from './probes.ts'
import { type Subject, thrown } from './words.ts'

/** Answers a WebSocket: `?hibernate` says that it is of that sort. */
export async function wordOf(subject: Subject, search: URLSearchParams): Promise<Response> {
  const { 0: client, 1: server } = new WebSocketPair()
  const headers = { 'Sec-WebSocket-Protocol': search.get('protocol') ?? 'contract' }
  if (search.has('hibernate')) {
    subject.state.acceptWebSocket(server)
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
  const run = probes[word]
  if (word === 'close') {
    const [code, ...reason] = rest
    if (code === undefined) {
      socket.close()
    } else {
      socket.close(Number(code), reason.join(' '))
    }
  } else if (word === 'attachment') {
    const attachment = socket.deserializeAttachment() as unknown
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
  } else if (run === undefined) {
    socket.send(typeof data === 'string' ? `echo ${data}` : data)
  } else {
    socket.send(JSON.stringify(await run(subject, JSON.parse(rest.join(' ') || '[]') as never)))
  }
}
