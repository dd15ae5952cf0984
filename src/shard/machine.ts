import { EngineError } from '../mvcc/errors.ts'
import { isStorageFull } from '../protocol/storage-full.ts'

/** The machine that the Worker runs on, where there is one that can be asked: the binding HOST. */
export interface Machine {
  fetch(url: string): Promise<{ json(): Promise<unknown> }>
}

/**
 * Gives back to the disk what the file of an object does not need, between two turns of it. Where only
 * the platform could do that nothing happens. Throws `no-space` where the disk has no room for a copy.
 */
export async function defragment(machine: Machine | undefined, object: string): Promise<void> {
  try {
    await machine?.fetch(`http://host/defragment?object=${object}`)
  } catch (error) {
    throw error instanceof Error && isStorageFull(error.message)
      ? new EngineError('no-space')
      : error
  }
}

/** Has the objects of this node taken over by whichever node asks for them first. */
export async function handOver(machine: Machine | undefined): Promise<void> {
  await machine?.fetch('http://host/hand-over')
}
