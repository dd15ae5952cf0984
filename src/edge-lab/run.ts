import type { Region } from '../config/region.ts'
import { Lab } from '../lab/lab.ts'
import { places } from '../lab/places.ts'
import { sleep } from '../lab/time.ts'
import type { Opening, Tick } from '../lab/told.ts'
import { EdgeStage } from './edge-stage.ts'
import { BEAT_MS, edgeLimits } from './limits.ts'
import { EDGE_SOURCE, EDGE_TRUTH, edgeDeeds } from './words.ts'

export interface RunOptions {
  readonly keyspace: string
  /** The first one leads. */
  readonly regions: readonly Region[]
  /** In ms since 1970. */
  readonly endsAt: number
  readonly told: (tick: Tick) => void
  /** It cannot go on; says why. */
  readonly failed: (problem: string) => void
}

/** A lab that runs, from its start to its end. */
export class Run {
  readonly options: RunOptions
  readonly #stage: EdgeStage
  readonly #lab: Lab
  #isOver = false

  constructor(env: Env, options: RunOptions) {
    this.options = options
    this.#stage = new EdgeStage(env, options.keyspace, options.regions)
    this.#lab = new Lab(this.#stage, options.regions)
    void this.#start()
    void this.#beat()
  }

  get lab(): Lab {
    return this.#lab
  }

  get opening(): Opening {
    const { regions, endsAt } = this.options
    return {
      regions: regions.map((name) => ({ name, ...places[name], url: '' })),
      source: EDGE_SOURCE,
      experiment: this.#lab.experiment,
      limits: edgeLimits,
      deeds: edgeDeeds,
      truth: EDGE_TRUTH,
      endsAt,
    }
  }

  csv(): string {
    return this.#stage.recorder.csv()
  }

  /** Nothing is asked any more, but the keyspace stays. */
  end(): void {
    this.#isOver = true
    void this.#lab.stop()
  }

  async #start(): Promise<void> {
    try {
      await this.#lab.start()
    } catch (error) {
      if (!this.#isOver) {
        this.options.failed(error instanceof Error ? error.message : String(error))
      }
    }
  }

  async #beat(): Promise<void> {
    for (; !this.#isOver; await sleep(BEAT_MS)) {
      await this.#stage.beat(this.#lab.scene)
      this.options.told(this.#lab.tick())
    }
  }
}
