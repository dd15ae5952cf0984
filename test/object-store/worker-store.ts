import { HostStore } from '../../src/object-store/host-store.ts'

/** What a Worker of test/object-store/worker does with its store when it is asked. */
export interface WorkerStore {
  readonly store: HostStore
  stop(): Promise<void>
}

/** Asks the Worker at a URL. */
export function storeBehind(url: string): HostStore {
  const fetchThere = (asked: string, init?: RequestInit): Promise<Response> =>
    fetch(asked.replace('http://host', url), init)
  return new HostStore({ fetch: fetchThere }, 'the store of a Worker')
}
