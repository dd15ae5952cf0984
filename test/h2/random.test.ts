import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { key, keepAlive, range, watch } from '../grpc/probes.ts'
import { framed, rawCall } from '../grpc/raw-call.ts'
import { ScriptedUpstream } from '../grpc/scripted-upstream.ts'
import { serve, type Served, until } from '../grpc/served.ts'
import { runs } from '../runs.ts'
import { callHeaderFields, frame, headerBlock, opening, RawConnection } from './raw-frames.ts'

let served: Served

beforeAll(async () => {
  served = await serve(new ScriptedUpstream())
})

afterAll(() => served.stop())

const blocks = [range, watch, keepAlive, '/no/method'].map((path) =>
  headerBlock(callHeaderFields(path)),
)
const payload = fc.oneof(
  fc.constantFrom(Buffer.alloc(0), Buffer.alloc(4), Buffer.alloc(8), framed(key), ...blocks),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
)
const anyFrame = fc
  .record({
    type: fc.oneof(fc.constantFrom(0, 1, 1, 1, 3, 8, 9), fc.integer({ min: 0, max: 12 })),
    flags: fc.constantFrom(0, 1, 4, 5, 8, 12, 13, 32, 37, 255),
    stream: fc.constantFrom(0, 1, 1, 2, 3, 3, 5, 7, 2 ** 31 - 1),
    payload,
  })
  .map(({ type, ...rest }) => frame(type, rest))

/** Nothing came up that is a fault on our side. */
function expectNoFault(): void {
  expect(served.logged.filter((line) => line.startsWith('error'))).toEqual([])
}

async function expectServing(): Promise<void> {
  const session = served.connect()
  expect(await rawCall(session, { path: range, body: [framed(key)] })).toMatchObject({ code: '0' })
  session.destroy()
}

it('[HTF11] whatever frames come, in whatever pieces, nobody else notices', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyFrame, { minLength: 1, maxLength: 20 }),
      fc.array(fc.nat(), { maxLength: 3 }),
      async (frames, cuts) => {
        const connection = new RawConnection(served.port)
        const bytes = Buffer.concat([opening, ...frames])
        const ends = cuts.map((cut) => cut % bytes.length).toSorted((a, b) => a - b)
        for (const [place, start] of [0, ...ends].entries()) {
          await connection.send(bytes.subarray(start, ends[place]))
        }
        await expectServing()
        connection.socket.end()
        await until(() => connection.isClosed)
      },
    ),
    { numRuns: runs(2000) },
  )
  expectNoFault()
})

it('[HTF11] whatever bytes come behind the preface, nobody else notices', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const connection = new RawConnection(served.port)
      await connection.send(opening, bytes)
      await expectServing()
      connection.socket.end()
      await until(() => connection.isClosed)
    }),
    { numRuns: runs(1000) },
  )
  expectNoFault()
})
