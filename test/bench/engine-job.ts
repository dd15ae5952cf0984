/** What the engine is asked to do within one event of its Durable Object. */
export interface EngineJob {
  readonly do: 'put' | 'get' | 'list'
  readonly prefix: string
  /** The keys of the prefix: each is put or got once; a list reads them all, `times` over. */
  readonly keys: number
  readonly times: number
  readonly valueBytes: number
}
