import { expect, test } from 'vitest'
import { Notebook } from '../../src/edge-lab/notebook.ts'

test('[LAB8] what clients have seen is told once, and a watch goes on behind it', () => {
  const notebook = new Notebook()
  const write = { from: 'weur', sent: 1 }
  notebook.seen(7, 'oc', write, 2)
  expect(notebook.nextOf()).toBe(8)
  expect(notebook.take().sightings).toEqual([{ revision: 7, write, time: 2 }])
  expect(notebook.take().sightings).toEqual([])
})

test('[LAB8] revisions that were lost are watched anew', () => {
  const notebook = new Notebook()
  notebook.seen(7, 'oc', { from: 'weur', sent: 1 }, 2)
  expect(notebook.forked({ count: 0, revision: 0 })).toBe(false)
  expect(notebook.forked({ count: 1, revision: 4 })).toBe(true)
  expect(notebook.forked({ count: 1, revision: 4 })).toBe(false)
  expect(notebook.nextOf()).toBe(5)
})
