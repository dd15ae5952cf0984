import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AuthorityRewriter } from '../../src/bridge/h2-authority-rewriter.ts'
import { callHeaderFields, Flag, frame, FrameType, headerBlock, opening } from './raw-frames.ts'

const PREFACE_BYTES = 24
const PADDED = 8
const PRIORITY = 32

const offending = headerBlock({ ...callHeaderFields('/x'), ':authority': 'http://a/#' })
const fine = headerBlock({ ...callHeaderFields('/x'), ':authority': 'http:--a--' })
const settingsAck = frame(FrameType.SETTINGS, { flags: Flag.ACK })

interface Shape {
  /** Where the block is cut into frames. */
  readonly cuts: readonly number[]
  readonly padding: number | undefined
  readonly hasPriority: boolean
}

/** A block as HEADERS and CONTINUATION frames. */
function framesOf(block: Buffer, { cuts, padding, hasPriority }: Shape): Buffer {
  const ends = [...new Set(cuts.map((cut) => cut % block.length))].toSorted((a, b) => a - b)
  const parts = [0, ...ends].map((start, place) => block.subarray(start, ends[place]))
  const frames = parts.map((part, place) => {
    const endFlag = place === parts.length - 1 ? Flag.END_HEADERS : 0
    if (place > 0) {
      return frame(FrameType.CONTINUATION, { flags: endFlag, stream: 1, payload: part })
    }
    const payload = Buffer.concat([
      Buffer.from(padding === undefined ? [] : [padding]),
      Buffer.from(hasPriority ? [0, 0, 0, 0, 15] : []),
      part,
      Buffer.alloc(padding ?? 0),
    ])
    const flags = (padding === undefined ? 0 : PADDED) | (hasPriority ? PRIORITY : 0) | endFlag
    return frame(FrameType.HEADERS, { flags, stream: 1, payload })
  })
  return Buffer.concat(frames)
}

function connectionOf(block: Buffer, shape: Shape, acks: readonly Buffer[]): Buffer {
  return Buffer.concat([
    opening,
    frame(FrameType.PING, { payload: Buffer.from('http://a') }),
    framesOf(block, shape),
    frame(FrameType.DATA, { stream: 1, payload: offending }),
    ...acks,
    framesOf(block, { cuts: [], padding: undefined, hasPriority: false }),
    settingsAck,
  ])
}

/** What is passed on of copies of the pieces, as a rewriter changes what it is given. */
function passed(rewriter: AuthorityRewriter, pieces: readonly Buffer[]): Buffer {
  return Buffer.concat(pieces.flatMap((piece) => rewriter.take(Buffer.from(piece))))
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = cuts.map((cut) => cut % bytes.length).toSorted((a, b) => a - b)
  return [0, ...ends].map((start, place) => bytes.subarray(start, ends[place] ?? bytes.length))
}

const shapes = fc.record<Shape>({
  cuts: fc.array(fc.nat(), { maxLength: 3 }),
  padding: fc.option(fc.nat({ max: 255 }), { nil: undefined }),
  hasPriority: fc.boolean(),
})
const plain: Shape = { cuts: [], padding: undefined, hasPriority: false }

describe('the bytes of a connection', () => {
  it('[GRA3] are rewritten whatever their frames are, and wherever they are cut', () => {
    fc.assert(
      fc.property(shapes, fc.array(fc.nat(), { maxLength: 8 }), (shape, cuts) => {
        const rewriter = new AuthorityRewriter(PREFACE_BYTES)
        rewriter.awaitsAck = true
        const pieces = cutAt(connectionOf(offending, shape, [settingsAck]), cuts)
        expect(passed(rewriter, pieces)).toEqual(connectionOf(fine, shape, []))
        expect(rewriter).toMatchObject({ hasRequest: true, hasRewritten: true, awaitsAck: false })
        expect(rewriter.isBetweenFrames).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('[GRA3] may be cut at any byte, and at every byte', () => {
    const bytes = connectionOf(offending, { cuts: [30, 45], padding: 3, hasPriority: true }, [])
    const expected = connectionOf(fine, { cuts: [30, 45], padding: 3, hasPriority: true }, [])
    for (let cut = 0; cut < bytes.length; cut++) {
      expect(passed(new AuthorityRewriter(PREFACE_BYTES), cutAt(bytes, [cut]))).toEqual(expected)
    }
    const single = cutAt(bytes, [...bytes.keys()])
    expect(passed(new AuthorityRewriter(PREFACE_BYTES), single)).toEqual(expected)
  })

  it('[GRA3] are passed on as they are where no authority offends', () => {
    const rewriter = new AuthorityRewriter(PREFACE_BYTES)
    const bytes = connectionOf(fine, plain, [settingsAck])
    expect(passed(rewriter, [bytes])).toEqual(bytes)
    expect(rewriter).toMatchObject({ hasRequest: true, hasRewritten: false })
  })

  it('[GRA3] that are held can be had at any time', () => {
    const bytes = connectionOf(fine, { cuts: [10], padding: 1, hasPriority: false }, [])
    for (let cut = 0; cut < bytes.length; cut++) {
      const rewriter = new AuthorityRewriter(PREFACE_BYTES)
      const start = passed(rewriter, [bytes.subarray(0, cut)])
      expect(Buffer.concat([start, rewriter.release()])).toEqual(bytes.subarray(0, cut))
    }
  })

  it('[GRA8] of a block that is interrupted or too long are passed on', () => {
    const begun = frame(FrameType.HEADERS, { stream: 1, payload: offending })
    const interrupted = Buffer.concat([opening, begun, settingsAck])
    const long = frame(FrameType.CONTINUATION, { stream: 1, payload: Buffer.alloc(150_000) })
    const tooLong = Buffer.concat([opening, begun, long])
    for (const bytes of [interrupted, tooLong]) {
      const rewriter = new AuthorityRewriter(PREFACE_BYTES)
      expect(passed(rewriter, [bytes])).toEqual(bytes)
      expect(rewriter).toMatchObject({ hasRequest: false, isUnusual: true })
    }
  })

  it('[GRA8] are as many as before, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const rewriter = new AuthorityRewriter(0)
        const start = passed(rewriter, [Buffer.from(bytes)])
        expect(start.length + rewriter.release().length).toBe(bytes.length)
      }),
    )
  })
})
