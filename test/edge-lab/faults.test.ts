import { expect, test } from 'vitest'
import type { Region } from '../../src/config/region.ts'
import { faultOf, happened, wayOf } from '../../src/edge-lab/faults.ts'
import { readExperiment } from '../../src/lab/experiment.ts'
import type { Scene } from '../../src/lab/lab.ts'

const names: readonly Region[] = ['weur', 'enam', 'apac']

function sceneOf(text: string, replicas: readonly string[] = ['enam', 'apac']): Scene {
  const experiment = readExperiment(text, names, { writes: 5, reads: 10 })
  return { experiment, leader: 'weur', promoted: undefined, replicas: new Set(replicas) }
}

const faultIn = (region: Region, text: string) =>
  faultOf(region, sceneOf(text), { names, ownRegion: 'weur', until: 1 })

test('[LAB9] a region that is cut off or stopped reaches nobody, and nobody reaches it', () => {
  for (const text of ['cut=apac', 'stopped=apac']) {
    expect(faultIn('apac', text)).toMatchObject({ isCut: true, unreachable: [] })
    expect(faultIn('weur', text)).toMatchObject({ isCut: false, unreachable: ['apac'] })
    expect(faultIn('enam', text)).toMatchObject({ isCut: false, unreachable: ['apac'] })
  }
})

test("[LAB9] round trips to the leader take both ends' delays", () => {
  expect(faultIn('apac', 'slow=apac:200,weur:50').slowMs).toBe(250)
  expect(faultIn('enam', 'slow=apac:200,weur:50').slowMs).toBe(50)
  expect(faultIn('weur', 'slow=apac:200,weur:50').slowMs).toBe(0)
})

const way = (region: Region, text: string, replicas?: readonly string[]) =>
  wayOf(region, 'lab-1', sceneOf(text, replicas))

test("[LAB9] clients ask their region's replica, else the leader where that is reached", () => {
  expect(way('apac', '')).toMatchObject({ address: 'lab-1@apac', slowMs: 0, measured: true })
  expect(way('weur', '')).toMatchObject({ address: 'lab-1', measured: false })
  expect(way('apac', 'slow=apac:200', [])).toMatchObject({ address: 'lab-1', slowMs: 200 })
  // What a replica has it still answers.
  expect(way('apac', 'cut=apac')).toMatchObject({ address: 'lab-1@apac', measured: false })
  expect(way('apac', 'cut=weur').address).toBe('lab-1@apac')
  expect(way('apac', 'cut=weur', []).address).toBeUndefined()
  expect(way('apac', 'cut=apac', []).address).toBeUndefined()
  expect(way('apac', 'stopped=apac').address).toBeUndefined()
  expect(way('weur', 'stopped=weur').address).toBeUndefined()
})

test('[LAB9] what has happened is told once', () => {
  const [before, after] = ['cut=apac', 'stopped=enam'].map((text) => sceneOf(text).experiment)
  expect(happened(undefined, before ?? sceneOf('').experiment)).toEqual(['apac is cut off'])
  expect(happened(before, after ?? sceneOf('').experiment)).toEqual([
    'apac is reached again',
    'enam is down',
  ])
  expect(happened(after, after ?? sceneOf('').experiment)).toEqual([])
})
