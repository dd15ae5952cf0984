import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { servedBesideEtcd } from '../grpc/beside-etcd.ts'
import { until } from '../grpc/served.ts'
import { etcdMissing } from '../oracle/etcd.ts'
import {
  callHeaders,
  Flag,
  frame,
  FrameType,
  goawayOf,
  opening,
  RawConnection,
} from './raw-frames.ts'
import { accepted, ofConnections, ofStreams, type Outcome } from './violations.ts'

const pair = servedBesideEtcd()

const prefaceBytes = 24

const groups = [
  { rule: '[HTF1] takes whatever RFC 9113 lets clients do', violations: accepted },
  { rule: '[HTF2] resets a stream', violations: ofStreams },
  { rule: '[HTF3] ends a connection', violations: ofConnections },
]

describe.each(groups)('$rule', ({ violations }) => {
  it.for(violations)('$title', async ({ frames, outcome }) => {
    expect(await meet(pair().served.port, frames)).toBe(outcome)
  })

  it('and so does a real etcd, with or without GOAWAY', async ({ skip }) => {
    const { etcd } = pair()
    if (etcd === undefined) {
      return skip(etcdMissing)
    }
    if (Number.parseFloat(etcd.version) < 3.5) {
      return skip('an etcd before 3.5 takes some of it otherwise')
    }
    const port = Number(new URL(etcd.url).port)
    for (const { title, frames, outcome, etcd: other = outcome } of violations) {
      const met = await meet(port, frames)
      const isEnd = other.startsWith('end')
      expect(isEnd ? met.slice(0, 3) : met, title).toBe(isEnd ? 'end' : other)
    }
  })
})

/** What a connection comes to that opens with these frames, and then asks whether that was all. */
async function meet(port: number, frames: readonly Buffer[]): Promise<Outcome> {
  const connection = new RawConnection(port)
  await connection.send(opening)
  await until(() => connection.ofType(FrameType.SETTINGS).length > 0)
  await connection.send(...frames)
  const ping = frame(FrameType.PING, { payload: Buffer.alloc(8, 1) })
  await connection.send(ping)
  const isPong = (): boolean =>
    connection.ofType(FrameType.PING).some(({ payload }) => payload[0] === 1)
  await until(
    () => connection.isClosed || isPong() || connection.ofType(FrameType.GOAWAY).length > 0,
  )
  // An answer may be behind the ping's, and silence has no end.
  for (let turns = 0; turns < 20 && outcomeOf(connection) === 'silence'; turns++) {
    await sleep(5)
  }
  connection.socket.destroy()
  return outcomeOf(connection)
}

function outcomeOf(connection: RawConnection): Outcome {
  const [goaway] = connection.ofType(FrameType.GOAWAY)
  if (goaway !== undefined || connection.isClosed) {
    return `end ${goaway === undefined ? 0 : goawayOf(goaway).code}`
  }
  const heads = connection.ofType(FrameType.HEADERS)
  if (heads.some(({ flags }) => (flags & Flag.END_STREAM) !== 0)) {
    return 'answered'
  }
  const [reset] = connection.ofType(FrameType.RST_STREAM)
  return reset === undefined ? 'silence' : `reset ${reset.payload.readUInt32BE(0)}`
}

it('[HTF3] ends a connection that does not begin with SETTINGS', async () => {
  const connection = new RawConnection(pair().served.port)
  await connection.send(opening.subarray(0, prefaceBytes), callHeaders(1, '/x'))
  await until(() => connection.isClosed)
  expect(connection.ofType(FrameType.GOAWAY).map((each) => goawayOf(each).code)).toEqual([1])
})
