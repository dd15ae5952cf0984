import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goldenFiles, readRecordings, type Recording } from './golden-recordings.ts'
import { base64, call, isObject, type Json, type JsonObject, parseObject, send } from './http.ts'
import { plainBody } from './plain.ts'
import { Target } from './target.ts'

let target: Target
/** Lease ids that etcd picked when it was recorded → the ids picked here. */
const pickedLeases = new Map<string, string>()
/** Granted TTL by the id picked here: the order of leases with one TTL depends on microseconds. */
const grantedSeconds = new Map<string, string>()

beforeAll(async () => {
  target = await Target.start()
})

afterAll(() => target.stop())

describe.each(goldenFiles)('%s', (file) => {
  for (const recording of readRecordings(file)) {
    it(`[GLD1] answers as recorded: ${recording.label}`, () => replay(recording))
  }
})

async function replay(recording: Recording): Promise<void> {
  const { method, path, headers } = recording
  if (recording.label === 'after expiry') {
    await leaseKeysGone()
  }
  const body = recording.body === null ? undefined : here(recording.body)
  const answer = await send(target.url, { method, path, headers, body })
  const sameType = answer.headers['content-type']
  if (path === '/v3/lease/grant' && answer.status === 200 && recording.status === 200) {
    learnLease(recording, parseObject(answer.body))
  }
  if (path === '/v3/lock/lock' && answer.status === 200 && recording.status === 200) {
    learnLock(parseObject(recording.response)['key'], parseObject(answer.body)['key'])
  }
  expect({ status: answer.status, type: sameType, ...comparable(path, answer.body) }).toEqual({
    status: recording.status,
    type: recording.content_type,
    ...comparable(path, here(recording.response)),
  })
}

/** A recorded text with the lease ids of this run. */
function here(text: string): string {
  return [...pickedLeases].reduce((result, [then, now]) => result.replaceAll(then, now), text)
}

function learnLease(recording: Recording, granted: JsonObject): void {
  const then = parseObject(recording.response)['ID']
  const { ID: now, TTL: seconds } = granted
  if (typeof then === 'string' && typeof now === 'string' && typeof seconds === 'string') {
    grantedSeconds.set(now, seconds)
    if (!recording.body?.includes('"ID"')) {
      pickedLeases.set(then, now)
    }
  }
}

/** A lock without a lease gets one of 60 s, whose id is the end of its key. */
function learnLock(then: Json | undefined, now: Json | undefined): void {
  if (typeof then !== 'string' || typeof now !== 'string' || then === now) {
    return
  }
  pickedLeases.set(then, now)
  const [thenLease, nowLease] = [then, now].map((key) => {
    const [, hex = '0'] = /\/([0-9a-f]+)$/.exec(Buffer.from(key, 'base64').toString()) ?? []
    return BigInt(`0x${hex}`).toString()
  })
  pickedLeases.set(thenLease ?? '', nowLease ?? '')
  grantedSeconds.set(nowLease ?? '', '60')
}

/** Waits for the revision with which the keys of lease 500 go. */
async function leaseKeysGone(): Promise<void> {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline) {
    const answer = await call(target.url, '/v3/kv/range', { key: base64('q') })
    if (isObject(answer['header']) && answer['header']['revision'] !== '9') {
      return
    }
    await sleep(100)
  }
}

/** The parts of an answer that every server must share. */
function comparable(path: string, body: string): { readonly body: unknown } {
  const plain = plainBody(path, body)
  if (!isObject(plain) || !Array.isArray(plain['leases'])) {
    return { body: plain }
  }
  const groups = new Map<string, string[]>()
  for (const lease of plain['leases'] as readonly { readonly ID: string }[]) {
    const seconds = grantedSeconds.get(lease.ID) ?? 'unknown'
    groups.set(seconds, [...(groups.get(seconds) ?? []), lease.ID].toSorted())
  }
  return { body: { ...plain, leases: [...groups] } }
}
