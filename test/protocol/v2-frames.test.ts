import { expect, it } from 'vitest'
import { keysCall } from '../../src/gateway-rules/v2-keys-call.ts'
import { WorkerWebSocket } from '../../src/host/web-socket.ts'
import { sendFrames, takeFrames } from '../../src/protocol/frame-socket.ts'
import { decodeCall, decodeFrames, type Frame, FrameKind } from '../../src/protocol/frames.ts'
import { V2AnswerFrame, V2CallFrame } from '../../src/protocol/v2-frames.ts'
import { decodeV2Answer, decodeV2Call, V2_METHOD } from '../../src/protocol/v2-wire.ts'

const keys = keysCall({
  method: 'PUT',
  contentType: 'application/x-www-form-urlencoded',
  query: 'ttl=5',
  body: new TextEncoder().encode('value=%C3%A9'),
  path: '/a',
  askedPath: '/a/',
  credentials: { user: 'u', password: 'p' },
})
const context = { accessToken: 'etcdurable_a' }
const call = new V2CallFrame(7, { method: V2_METHOD, keys, context })
const header = { clusterId: 255n, etcdIndex: 4, raftIndex: 5, raftTerm: 2 }
const body = new TextEncoder().encode('{"é":1}\n')
const answered = { header, body, isCreated: true }
const answer = new V2AnswerFrame(7, answered)

/** What comes at one end of a socket that frames are sent to at the other. */
async function sentOver(frames: readonly Frame[], isTaking: boolean): Promise<unknown[]> {
  const [near, far] = WorkerWebSocket.pair()
  const came: unknown[] = []
  far.addEventListener('message', (event) => came.push(event.type === 'message' && event.data))
  if (isTaking) {
    takeFrames(far, (taken) => came.push(taken))
  }
  far.accept()
  sendFrames(near, frames)
  await Promise.resolve()
  return came
}

it('[V2K50] frames of /v2/keys are handed over as they are to who takes them', async () => {
  const frames = [call, answer]
  expect(await sentOver(frames, true)).toEqual([frames])
})

it('[V2K50] who does not take them has bytes that say the same', async () => {
  const [message] = await sentOver([call, answer], false)
  const [asked, said] = decodeFrames(new Uint8Array(message as ArrayBuffer))
  expect(asked).toMatchObject({ kind: FrameKind.CALL, stream: 7 })
  const { method, request, context: shown } = decodeCall(asked?.payload ?? new Uint8Array(0))
  expect({ method, shown }).toEqual({ method: V2_METHOD, shown: context })
  expect(decodeV2Call(request)).toEqual(keys)
  expect(said).toMatchObject({ kind: FrameKind.ANSWER, stream: 7 })
  expect(said?.payload[0]).toBe(0)
  expect(decodeV2Answer(said?.payload.subarray(1) ?? new Uint8Array(0))).toEqual(answered)
})

it('[V2K50] so has who is sent others with them', async () => {
  const probe = { kind: FrameKind.PROBE, stream: 0, payload: new Uint8Array(0) }
  const [message] = await sentOver([probe, answer], true)
  const frames = decodeFrames(new Uint8Array(message as ArrayBuffer))
  expect(frames.map(({ kind }) => kind)).toEqual([FrameKind.PROBE, FrameKind.ANSWER])
})

it('[V2K50] nothing is handed over at a socket that is closed', async () => {
  const [near, far] = WorkerWebSocket.pair()
  takeFrames(far, () => expect.unreachable())
  far.accept()
  near.close(1000)
  expect(near.handOver([call])).toBe(false)
  await Promise.resolve()
})
