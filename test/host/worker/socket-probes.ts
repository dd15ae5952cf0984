import { lifeProbes } from './life-probes.ts'
import { type Probe, tell, thrown } from './words.ts'

export const socketProbes: Readonly<Record<string, Probe>> = {
  sockets: ({ state }) =>
    state
      .getWebSockets()
      .map((socket) => tell([socket.readyState, socket.deserializeAttachment()])),

  /** To all that hibernate. */
  broadcast: ({ state }, [text]: [string]) =>
    state.getWebSockets().forEach((socket) => socket.send(text)),

  /** Sends and then writes what cannot be committed. */
  broadcastAndDangle: (subject, [text]: [string]) => {
    subject.state.getWebSockets().forEach((socket) => socket.send(text))
    return lifeProbes['dangle']?.(subject, [] as never)
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
