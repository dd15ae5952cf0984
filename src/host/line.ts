import { clearTimeout, setTimeout } from 'node:timers'
import { runOutside } from './tasks.ts'

/** One of the two regions that a line joins. */
export type LineEnd = 0 | 1

interface Message {
  /** Of `performance.now()`: when it arrives. */
  readonly arrival: number
  readonly deliver: () => void
}

/** What is on its way in one direction. It arrives in the order in which it left. */
class Direction {
  readonly #delayMs: () => number
  #underWay: Message[] = []
  #timer: NodeJS.Timeout | undefined
  #isCut = false

  constructor(delayMs: () => number) {
    this.#delayMs = delayMs
  }

  send(deliver: () => void): void {
    const before = this.#underWay.at(-1)?.arrival ?? 0
    const arrival = Math.max(before, performance.now() + this.#delayMs())
    this.#underWay.push({ arrival, deliver })
    this.#arm()
  }

  cut(): void {
    this.#isCut = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** What was held back is sent anew. */
  heal(): void {
    this.#isCut = false
    const arrival = performance.now() + this.#delayMs()
    this.#underWay = this.#underWay.map(({ deliver }) => ({ arrival, deliver }))
    this.#arm()
  }

  clear(): void {
    this.cut()
    this.#underWay = []
  }

  #arm(): void {
    const [first] = this.#underWay
    if (first === undefined || this.#isCut || this.#timer !== undefined) {
      return
    }
    const ms = Math.max(0, Math.ceil(first.arrival - performance.now()))
    runOutside(() => {
      this.#timer = setTimeout(() => this.#arrive(), ms)
    })
  }

  #arrive(): void {
    this.#timer = undefined
    const now = performance.now()
    while (this.#underWay[0] !== undefined && this.#underWay[0].arrival <= now && !this.#isCut) {
      this.#underWay.shift()?.deliver()
    }
    this.#arm()
  }
}

/** A call or a socket between two regions. */
export class Connection {
  readonly #line: Line
  readonly #lost: () => void
  #deadline: NodeJS.Timeout | undefined
  #isOver = false

  constructor(line: Line, lost: () => void) {
    this.#line = line
    this.#lost = lost
  }

  /** Delivers it at the other end, in its time; never, if the connection is lost before. */
  send(from: LineEnd, deliver: () => void): void {
    this.#line.send(from, () => {
      if (!this.#isOver) {
        deliver()
      }
    })
  }

  /** Nothing more is sent. */
  end(): void {
    this.#isOver = true
    this.outlive()
    this.#line.ended(this)
  }

  /** The line is cut: unless that is over in time, both ends lose the connection. */
  perish(ms: number): void {
    runOutside(() => {
      this.#deadline = setTimeout(() => this.lose(), ms)
    })
  }

  /** The line is whole again. */
  outlive(): void {
    clearTimeout(this.#deadline)
    this.#deadline = undefined
  }

  lose(): void {
    this.end()
    this.#lost()
  }
}

/**
 * The distance between two regions. What passes takes half a round trip. While the line is cut nothing
 * arrives; a connection that lives to see it whole again goes on, as one of TCP does.
 */
export class Line {
  rttMs: number
  /** Messages that have left from each end, since the line is there. */
  readonly sent: [number, number] = [0, 0]
  readonly #lostMs: number
  #isCut = false
  readonly #directions: readonly [Direction, Direction]
  readonly #connections = new Set<Connection>()

  /** `lostMs`: how long a connection stands that hears nothing of its other end. */
  constructor(rttMs: number, lostMs: number) {
    this.rttMs = rttMs
    this.#lostMs = lostMs
    const delayMs = (): number => this.rttMs / 2
    this.#directions = [new Direction(delayMs), new Direction(delayMs)]
  }

  get isCut(): boolean {
    return this.#isCut
  }

  /** `lost` is called once, if the connection is lost. */
  connect(lost: () => void): Connection {
    const connection = new Connection(this, lost)
    this.#connections.add(connection)
    if (this.#isCut) {
      connection.perish(this.#lostMs)
    }
    return connection
  }

  send(from: LineEnd, deliver: () => void): void {
    this.sent[from]++
    this.#directions[from].send(deliver)
  }

  ended(connection: Connection): void {
    this.#connections.delete(connection)
  }

  cut(): void {
    if (!this.#isCut) {
      this.#isCut = true
      this.#directions.forEach((direction) => direction.cut())
      this.#connections.forEach((connection) => connection.perish(this.#lostMs))
    }
  }

  heal(): void {
    if (this.#isCut) {
      this.#isCut = false
      this.#connections.forEach((connection) => connection.outlive())
      this.#directions.forEach((direction) => direction.heal())
    }
  }

  /** Loses all that is open, at once. */
  end(): void {
    this.#directions.forEach((direction) => direction.clear())
    this.#connections.forEach((connection) => connection.lose())
  }
}
