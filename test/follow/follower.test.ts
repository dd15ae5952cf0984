import { describe, expect, it } from 'vitest'
import type {
  FollowerInput,
  FollowerOutput,
  ReadRequest,
} from '../../src/follow/follower-events.ts'
import { AWAKE_MS, Follower } from '../../src/follow/follower.ts'
import type { Frame } from '../../src/follow/frame.ts'
import type { LeaderPosition } from '../../src/protocol/replica-rpc.ts'

const standing = { epoch: 1, revision: 10, state: { incarnation: 'a', seq: 5 } }

const leaderAt = (revision: number, seq: number): LeaderPosition => ({
  epoch: 1,
  revision,
  state: { incarnation: 'a', seq },
  time: 0,
  isPushing: true,
})

/** A follower whose clock the test turns. */
class Driven {
  readonly follower = new Follower(standing)
  now = 1_000
  #reads = 0

  take(input: FollowerInput): readonly FollowerOutput[] {
    return this.follower.take(input, this.now)
  }

  read(request: Partial<ReadRequest> = {}): readonly FollowerOutput[] {
    this.#reads++
    const asked = { level: 'linearizable', isGuarded: false, ...request } as const
    return this.take({ kind: 'read', id: this.#reads, ...asked })
  }

  /** The leader answers that all is here. */
  asked(question: number, leader = leaderAt(10, 5)): readonly FollowerOutput[] {
    return this.take({ kind: 'asked', question, leader })
  }

  pushed(frame: Partial<Frame>, seq: number): readonly FollowerOutput[] {
    const state = { position: { incarnation: 'a', seq }, since: seq - 1, content: {} }
    const compaction = { revision: -1, finished: true }
    const whole = { epoch: 1, from: 11, to: 10, time: 0, compaction, changes: [], bytes: 100 }
    return this.take({ kind: 'pushed', frame: { ...whole, state, ...frame } })
  }
}

const kinds = (outputs: readonly FollowerOutput[]): readonly string[] =>
  outputs.map(({ kind }) => kind)

const answered = (outputs: readonly FollowerOutput[]): readonly number[] =>
  outputs.flatMap((output) => (output.kind === 'answer' ? [output.id] : []))

describe('a linearizable read', () => {
  it('[FLW3] takes one question, and is answered when its answer is here', () => {
    const one = new Driven()
    expect(one.read()).toEqual([{ kind: 'ask', question: 1, follow: true, standing }])
    expect(answered(one.asked(1))).toEqual([1])
  })

  it('[FLW3] waits for what the leader has told of, and is pushed', () => {
    const one = new Driven()
    one.read()
    one.asked(1)
    one.now += 100
    one.read()
    expect(kinds(one.asked(2, leaderAt(11, 6)))).toEqual([])
    expect(kinds(one.pushed({ from: 11, to: 11 }, 6))).toEqual(['apply', 'answer'])
  })

  it('[FLW3] pulls what it is not pushed', () => {
    const one = new Driven()
    one.read()
    one.asked(1)
    one.now += 100
    one.read()
    one.asked(2, leaderAt(11, 6))
    one.now = one.follower.wakeAt
    expect(kinds(one.take({ kind: 'tick' }))).toEqual(['pull'])
  })

  it('[FLW3] shares its question with those that come within 2 ms, and waits for no other one', () => {
    const one = new Driven()
    expect(kinds(one.read())).toEqual(['ask'])
    expect(one.read()).toEqual([])
    one.now += 1
    expect(one.read()).toEqual([])
    one.now += 1
    expect(kinds(one.take({ kind: 'tick' }))).toEqual(['ask'])
    expect(answered(one.asked(2))).toEqual([1, 2, 3])
  })

  it('[FLW3] asks no more than 64 questions at once', () => {
    const one = new Driven()
    let asked = 0
    for (let reads = 0; reads < 80; reads++) {
      asked += kinds(one.read()).length
      one.now += 2
    }
    expect(asked).toBe(64)
    expect(kinds(one.asked(1))).toEqual(['answer', 'ask'])
  })
})

describe('a leader that loses its memory', () => {
  it('[FLW12] is asked again 50 ms behind a call that has broken', () => {
    const one = new Driven()
    one.read()
    expect(kinds(one.take({ kind: 'failed', of: 'question', id: 1 }))).toEqual([])
    expect(one.follower.wakeAt).toBe(one.now + 50)
    one.now += 50
    expect(kinds(one.take({ kind: 'tick' }))).toEqual(['ask'])
    expect(answered(one.asked(2))).toEqual([1])
  })

  it('[FLW12] is asked again beside a question that is not answered, as long as somebody waits', () => {
    const one = new Driven()
    one.read()
    for (const question of [2, 3, 4]) {
      expect(one.follower.wakeAt).toBe(one.now + 500)
      one.now += 500
      const [asked] = one.take({ kind: 'tick' })
      expect(asked).toMatchObject({ kind: 'ask', question })
    }
    expect(answered(one.asked(4))).toEqual([1])
    one.now += 500
    expect(kinds(one.take({ kind: 'tick' }))).toEqual([])
  })

  it('[FLW12] is asked too where another question broke before', () => {
    const one = new Driven()
    one.read()
    one.now += 2
    one.read()
    one.take({ kind: 'failed', of: 'question', id: 2 })
    one.now += 500
    expect(kinds(one.take({ kind: 'tick' }))).toEqual(['ask'])
    expect(answered(one.asked(3))).toEqual([1, 2])
  })

  it('[FLW12] is asked anew for what it was to send', () => {
    const one = new Driven()
    one.read()
    one.asked(1)
    one.now += 100
    one.read()
    one.asked(2, leaderAt(11, 6))
    one.now = one.follower.wakeAt
    expect(kinds(one.take({ kind: 'tick' }))).toEqual(['pull'])
    one.read()
    const anew = { ...leaderAt(11, 1), state: { incarnation: 'b', seq: 1 } }
    expect(kinds(one.asked(4, anew))).toEqual(['pull'])
  })
})

describe('a serializable read', () => {
  const serializable = { level: 'serializable', isGuarded: true } as const

  it('[FLW4] is answered at once for 10 s behind a question, which is asked again behind 5', () => {
    const one = new Driven()
    expect(kinds(one.read(serializable))).toEqual(['ask'])
    one.asked(1)
    one.now += 5_000
    expect(kinds(one.read(serializable))).toEqual(['answer'])
    one.now += 1
    expect(kinds(one.read(serializable))).toEqual(['answer', 'ask'])
    one.now += 5_000
    expect(kinds(one.read(serializable))).not.toContain('answer')
  })

  it('[FLW4] is refused where the leader cannot be reached, if somebody is to be known', () => {
    const one = new Driven()
    one.read(serializable)
    one.take({ kind: 'failed', of: 'question', id: 1 })
    one.now += 1_000
    one.take({ kind: 'tick' })
    expect(kinds(one.take({ kind: 'failed', of: 'question', id: 2 }))).toContain('refuse')
    expect(kinds(one.read({ level: 'serializable' }))).toContain('answer')
  })

  it('[FLW5] waits for the revision that it wants, and gives up at its deadline', () => {
    const one = new Driven()
    one.read({ ...serializable, minRevision: 11 })
    one.read({ ...serializable, minRevision: 12 })
    one.take({ kind: 'tick' })
    one.asked(1)
    expect(answered(one.pushed({ from: 11, to: 11 }, 6))).toEqual([1])
    one.now += 2
    one.take({ kind: 'tick' })
    one.asked(2, leaderAt(11, 6))
    one.now += 5_000
    expect(one.take({ kind: 'tick' })).toContainEqual({ kind: 'refuse', id: 2, why: 'timeout' })
  })
})

describe('a follower', () => {
  it('[FLW6] that nobody reads for 60 s wants no frames, and has no timer and no message', () => {
    const one = new Driven()
    expect(one.follower.isAwake(one.now)).toBe(false)
    expect(one.follower.wakeAt).toBe(Infinity)
    one.read()
    one.asked(1)
    expect(one.follower.wakeAt).toBe(Infinity)
    one.now += AWAKE_MS - 1
    expect(one.follower.isAwake(one.now)).toBe(true)
    one.now += 1
    expect(one.follower.isAwake(one.now)).toBe(false)
    // A gap is none of its business now.
    expect(one.pushed({ from: 20, to: 20 }, 9)).toEqual([])
    expect(one.follower.wakeAt).toBe(Infinity)
    expect(one.read()).toMatchObject([{ kind: 'ask', follow: true }])
  })

  it('[FLW6] stays awake while a watch is open', () => {
    const one = new Driven()
    expect(one.take({ kind: 'open', count: 1 })).toMatchObject([{ kind: 'ask', follow: true }])
    one.asked(1)
    one.now += 10 * AWAKE_MS
    expect(one.follower.isAwake(one.now)).toBe(true)
    expect(one.follower.wakeAt).toBe(Infinity)
  })

  it('[FLW7] pulls what is missing before a frame, and holds no more than 1 MiB meanwhile', () => {
    const one = new Driven()
    one.read()
    one.asked(1)
    const half = { bytes: 600_000 }
    expect(kinds(one.pushed({ from: 12, to: 12, ...half }, 7))).toEqual(['pull'])
    one.pushed({ from: 13, to: 13, ...half }, 8)
    expect(kinds(one.pushed({ from: 11, to: 11 }, 6))).toEqual(['apply', 'apply'])
    expect(one.follower.standing.revision).toBe(12)
  })

  it('[FLW11] asks the next leader what it had asked the former one, and to be pushed to', () => {
    const one = new Driven()
    one.take({ kind: 'open', count: 1 })
    one.now += 2
    one.read()
    one.now += 2
    expect(one.take({ kind: 'led', epoch: 2 })).toMatchObject([
      { kind: 'ask', question: 3, follow: true },
    ])
    // The former one still answers, and pushes.
    expect(one.asked(2)).toEqual([])
    expect(one.pushed({ from: 11, to: 11 }, 6)).toEqual([])
    expect(one.asked(3, { ...leaderAt(10, 1), epoch: 2 })).toMatchObject([{ kind: 'pull' }])
  })

  it('[FLW11] does not believe a leader that leads no more', () => {
    const one = new Driven()
    one.take({ kind: 'led', epoch: 2 })
    one.read()
    const refusal = { refused: 'diverged', epoch: 1 } as const
    expect(one.take({ kind: 'refused', of: 'question', id: 1, refusal })).toEqual([
      { kind: 'find-leader' },
    ])
  })

  it('[FLW11] asks again to be pushed to, as long as something is open and it is not', () => {
    const one = new Driven()
    one.take({ kind: 'open', count: 1 })
    let asked = 0
    for (let tries = 1; tries <= 12; tries++) {
      one.take({ kind: 'failed', of: 'question', id: tries })
      one.now = one.follower.wakeAt
      asked += kinds(one.take({ kind: 'tick' })).filter((kind) => kind === 'ask').length
    }
    expect(asked).toBe(12)
    // After a while ten seconds lie between two tries.
    expect(one.now).toBeGreaterThan(30_000)
    expect(one.now).toBeLessThan(60_000)
  })

  it('[FLW8] copies anew what is of another history', () => {
    const one = new Driven()
    one.read()
    const refusal = { refused: 'diverged', epoch: 2 } as const
    expect(one.take({ kind: 'refused', of: 'question', id: 1, refusal })).toEqual([
      { kind: 'copy' },
    ])
    one.now += 2
    const copied = { epoch: 2, revision: 8, state: undefined }
    expect(kinds(one.take({ kind: 'copied', standing: copied }))).toEqual(['ask', 'pull'])
  })
})

/** A follower that is told so: something that it has not got is pulled. */
function compactedAt(): Driven {
  const one = new Driven()
  one.read()
  one.asked(1, { ...leaderAt(20, 9), isPushing: false })
  const refusal = { refused: 'compacted', epoch: 1 } as const
  expect(one.take({ kind: 'refused', of: 'pull', id: 2, refusal })).toEqual([
    { kind: 'fill', fill: 3, epoch: 1, after: 10 },
  ])
  expect(one.follower.wakeAt).toBeGreaterThan(one.now)
  return one
}

const piece = (from: number, to: number): Frame => ({
  epoch: 1,
  from,
  to,
  time: 0,
  compaction: { revision: -1, finished: true },
  state: undefined,
  changes: [],
  bytes: 100,
})

describe('what the leader has compacted', () => {
  const ended = { kind: 'fill-ended', fill: 3 } as const

  it('[RPL90] comes from the archive, and what is behind it and the state from the leader', () => {
    const one = compactedAt()
    expect(kinds(one.take({ kind: 'filled', fill: 3, frame: piece(8, 14) }))).toEqual(['apply'])
    expect(kinds(one.take({ kind: 'filled', fill: 3, frame: piece(15, 18) }))).toEqual(['apply'])
    expect(one.follower.standing).toEqual({ epoch: 1, revision: 18, state: undefined })
    expect(kinds(one.read({ level: 'serializable' }))).toEqual([])
    const pulled = one.take(ended)
    expect(kinds(pulled)).toContain('pull')
    expect(kinds(pulled)).not.toContain('copy')
  })

  it('[RPL90] is copied anew where the archive has nothing of it, or is of no use', () => {
    expect(compactedAt().take(ended)).toContainEqual({ kind: 'copy' })
    const one = compactedAt()
    one.take({ kind: 'filled', fill: 3, frame: piece(11, 14) })
    expect(one.take({ ...ended, isUseless: true })).toContainEqual({ kind: 'copy' })
    const other = compactedAt()
    other.take({ kind: 'filled', fill: 3, frame: piece(12, 14) })
    expect(other.take(ended), 'a gap is passed over').toContainEqual({ kind: 'copy' })
  })
})

describe('a leader that was lost', () => {
  it('[RPL91] is asked within a second of its first push, however long it was gone', () => {
    const one = new Driven()
    one.take({ kind: 'open', count: 1 })
    for (let tries = 1; tries <= 12; tries++) {
      one.take({ kind: 'failed', of: 'question', id: tries })
      one.now = one.follower.wakeAt
      one.take({ kind: 'tick' })
    }
    one.take({ kind: 'failed', of: 'question', id: 13 })
    expect(one.follower.wakeAt).toBe(one.now + 10_000)
    one.now += 1_000
    expect(kinds(one.pushed({}, 5))).toEqual(['ask'])
  })

  it('[RPL91] hears by a question that all of it was pulled', () => {
    const one = new Driven()
    one.read()
    one.asked(1)
    one.now += 100
    const position = { incarnation: 'b', seq: 0 }
    expect(kinds(one.pushed({ state: { position, since: 0, content: {} } }, 0))).toEqual(['pull'])
    one.now += 40
    const frame: Frame = {
      epoch: 1,
      from: 11,
      to: 10,
      time: 0,
      compaction: { revision: -1, finished: true },
      state: { position, since: null, content: {} },
      changes: [],
      bytes: 100,
    }
    const outputs = one.take({ kind: 'pulled', pull: 2, frame })
    expect(outputs).toContainEqual({
      kind: 'ask',
      question: 3,
      follow: false,
      standing: { epoch: 1, revision: 10, state: position },
    })
  })
})
