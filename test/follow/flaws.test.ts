import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { brokenFollower } from './broken-follower.ts'
import { flaws } from './flaws.ts'
import { Simulation } from './simulation.ts'
import type { FollowerClass } from './world.ts'

/** What is wrong has shown by then: it took 627 at most. */
const SEEDS = 1_000

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flaws-'))
})

afterAll(() => rmSync(folder, { recursive: true }))

describe('a follower that', () => {
  it.each(flaws)('[FLW2] $name is caught', async (flaw) => {
    const follower = await brokenFollower(flaw, folder)
    expect(firstProblem(follower)).toBeInstanceOf(Error)
  })
})

function firstProblem(follower: FollowerClass): unknown {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      new Simulation(seed, follower).run(20)
    } catch (error) {
      return error
    }
  }
  return undefined
}
