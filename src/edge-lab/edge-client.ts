import { DurableObject } from 'cloudflare:workers'
import { LabClient } from '../lab/client.ts'
import { sleep, wallMs } from '../lab/time.ts'
import { REST_MS } from './limits.ts'
import { Notebook } from './notebook.ts'
import type { EdgeClientRpc, Order, Report } from './orders.ts'
import { OwnGateway } from './own-gateway.ts'

const MEASURE_MS = 2_000
const MEASURED_MAX = 5
const LOOK_MS = 1_000

/** The clients of a lab in one region. It writes nothing down, and sleeps when nobody asks what it has seen. */
export class EdgeClient extends DurableObject<Env> implements EdgeClientRpc {
  #working: Working | undefined

  work(order: Order): Promise<Report> {
    if (this.#working?.isOver !== false || this.#working.keyspace !== order.keyspace) {
      this.#working?.stop()
      this.#working = new Working(this.env, order)
    }
    return Promise.resolve(this.#working.report(order))
  }

  write(): Promise<number> {
    return this.#working?.write() ?? Promise.resolve(0)
  }

  rest(): Promise<void> {
    this.#working?.stop()
    this.#working = undefined
    return Promise.resolve()
  }
}

/** From the first order to the last one. */
class Working {
  readonly keyspace: string
  readonly #gateway: OwnGateway
  readonly #notebook = new Notebook()
  readonly #client: LabClient
  #order: Order
  #asked = Date.now()
  /** The last ones, in milliseconds. */
  #roundTrips: readonly number[] = []
  #measured = 0
  isOver = false

  constructor(env: Env, order: Order) {
    this.keyspace = order.keyspace
    this.#gateway = new OwnGateway(env)
    this.#order = order
    this.#client = new LabClient({
      region: order.region,
      ask: (path, init) => this.#ask(path, init),
      notes: this.#notebook,
    })
    this.#client.start()
    void this.#look()
  }

  report(order: Order): Report {
    const { way } = this.#order
    this.#order = order
    this.#asked = Date.now()
    Object.assign(this.#client.rates, order.rates)
    if (this.#notebook.forked(order.fork) || way.address !== order.way.address) {
      this.#client.rewatch()
    }
    const roundTrip = order.way.measured ? medianOf(this.#roundTrips) : 0
    return { now: wallMs(), ...this.#notebook.take(), roundTrip }
  }

  write(): Promise<number> {
    return this.#client.operate('write')
  }

  stop(): void {
    this.isOver = true
    this.#client.stop()
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    const { address, problem, slowMs } = this.#order.way
    if (address === undefined) {
      throw new Error(problem)
    }
    await sleep(slowMs / 2)
    const answer = await this.#gateway.fetch(`/keyspaces/${address}${path}`, init)
    await sleep(slowMs / 2)
    return answer
  }

  /** Whether somebody still asks, and how far the leader is. */
  async #look(): Promise<void> {
    for (; !this.isOver; await sleep(LOOK_MS)) {
      const now = Date.now()
      if (now - this.#asked > REST_MS) {
        this.stop()
      } else if (this.#order.way.measured && now - this.#measured >= MEASURE_MS) {
        this.#measured = now
        await this.#measure().catch(() => undefined)
      }
    }
  }

  /** By a read that the leader answers at once. */
  async #measure(): Promise<void> {
    const body = JSON.stringify({ key: btoa('lab/'), serializable: true })
    const sent = wallMs()
    const asked = { method: 'POST', body }
    const answer = await this.#gateway.fetch(`/keyspaces/${this.keyspace}/v3/kv/range`, asked)
    await answer.text()
    if (answer.ok) {
      this.#roundTrips = [...this.#roundTrips.slice(1 - MEASURED_MAX), wallMs() - sent]
    }
  }
}

/** 0 of nothing. */
function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
