import { describe, expect, it } from 'vitest'
import { readGolden } from '../protocol/golden-file.ts'
import { type Line, recorded, Replay } from './replay.ts'

describe('lock-election-waiting.jsonl', () => {
  const replay = new Replay()
  for (const [index, line] of (readGolden('lock-election-waiting.jsonl') as Line[]).entries()) {
    const { label, start, waits, drop, answered, streamed } = line
    const title = label ?? JSON.stringify({ start, waits, drop, answered, streamed })
    it(`[CON1] goes as recorded, line ${index + 1}: ${title}`, async () => {
      expect(await replay.take(line)).toEqual(recorded(line))
    })
  }

  it('[CON7] leaves nobody waiting', () => {
    expect(replay.world.calls.waiting).toBe(0)
  })
})
