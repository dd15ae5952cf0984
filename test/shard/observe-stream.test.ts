import { afterEach, expect, it, vi } from 'vitest'
import { serverPrincipal } from '../../src/auth/principal.ts'
import { decodeEnd, type Frame, FrameKind } from '../../src/protocol/frames.ts'
import { Code } from '../../src/protocol/status.ts'
import { ObserveStream } from '../../src/shard/session/observe-stream.ts'

afterEach(() => void vi.restoreAllMocks())

/** An observer of which nothing is there but what it says, and a log that is read. */
function observed(): {
  readonly stream: ObserveStream
  readonly sent: Frame[]
  readonly ended: unknown[]
  readonly logged: unknown[]
} {
  const sent: Frame[] = []
  const ended: unknown[] = []
  const logged: unknown[] = []
  vi.spyOn(console, 'error').mockImplementation((error) => void logged.push(error))
  const keyspace = { hub: { open: () => ({}), close: () => undefined } }
  const options = {
    name: new Uint8Array(1),
    stream: 7,
    context: {},
    metrics: { ended: (code: Code) => void ended.push(code) },
    started: 3,
  }
  const out = {
    full: false,
    header: () => ({ clusterId: 1n, memberId: 1n, revision: 1, raftTerm: 2 }),
    send: (frame: Frame) => void sent.push(frame),
    sendSoon: (frame: Frame) => void sent.push(frame),
    changed: () => undefined,
    ended: (stream: number) => void ended.push(stream),
  }
  const stream = new ObserveStream(keyspace as never, options as never, out)
  return { stream, sent, ended, logged }
}

const failure = new Error('the keys cannot be read')

it.each([
  ['whose token cannot be verified', () => Promise.reject(failure)],
  [
    'who cannot be looked up',
    () => ({
      ...serverPrincipal,
      authenticate: () => {
        throw failure
      },
    }),
  ],
  [
    'who cannot be looked up later',
    () =>
      Promise.resolve({
        ...serverPrincipal,
        authorize: () => {
          throw failure
        },
      }),
  ],
])('[OBS5] one %s ends with an internal error', async (_, principalOf) => {
  const { stream, sent, ended, logged } = observed()
  stream.open(principalOf())
  await new Promise((resolve) => setTimeout(resolve, 0))
  expect(sent.map(({ kind, stream: id }) => [kind, id])).toEqual([[FrameKind.ANSWER, 7]])
  expect(decodeEnd(sent[0]?.payload ?? new Uint8Array(0))).toEqual({
    code: Code.INTERNAL,
    message: 'internal error',
  })
  expect(ended).toEqual([Code.INTERNAL, 7])
  expect(logged).toEqual([failure])
})

it('[OBS5] one that is gone when it fails hears nothing', async () => {
  const { stream, sent } = observed()
  stream.open(Promise.reject(failure))
  stream.cancel()
  await new Promise((resolve) => setTimeout(resolve, 0))
  expect(sent).toEqual([])
})
