import type { Sighting, ToldPlace } from '../told.ts'
import { drawn, element, msText } from './element.ts'

const LEFT = 56
const WIDTH = 460
const ROW = 26
/** A new write is shown so often, where many come. */
const SHOWN_MS = 2_500
/** Writes that are remembered, since one may be seen before it is known that it is the one to show. */
const REMEMBERED_MAX = 500

/** One write, and when each region sees it. */
export class WriteCard {
  readonly #places: readonly ToldPlace[]
  readonly #svg: SVGSVGElement
  readonly #caption = element('p', { 'class': 'caption', 'aria-live': 'off' })
  #revision = 0
  #isByHand = false
  #since = 0
  /** By revision and region. */
  readonly #remembered = new Map<number, Map<string, Sighting>>()

  constructor(places: readonly ToldPlace[]) {
    this.#places = places
    this.#svg = drawn('svg', {
      'viewBox': `0 0 ${WIDTH} ${places.length * ROW + 26}`,
      'role': 'img',
      'aria-label': 'When each region sees the write',
    })
  }

  get elements(): readonly Element[] {
    return [this.#svg, this.#caption]
  }

  /** A write that somebody has asked for is shown until the next one. */
  byHand(revision: number): void {
    if (this.#revision !== revision) {
      this.#begin(revision, true)
    }
    this.#isByHand = true
  }

  add(sighting: Sighting): void {
    const isOver = performance.now() - this.#since > SHOWN_MS
    const isLater = sighting.revision > this.#revision
    const waits = this.#isByHand && performance.now() - this.#since < 4 * SHOWN_MS
    if (isLater && isOver && !waits) {
      this.#begin(sighting.revision, false)
    }
    const sightings = this.#remembered.get(sighting.revision) ?? new Map<string, Sighting>()
    sightings.set(sighting.region, sighting)
    this.#remembered.set(sighting.revision, sightings)
    const [oldest] = this.#remembered.keys()
    if (oldest !== undefined && this.#remembered.size > REMEMBERED_MAX) {
      this.#remembered.delete(oldest)
    }
    if (sighting.revision === this.#revision) {
      this.#draw()
    }
  }

  #begin(revision: number, isByHand: boolean): void {
    this.#revision = revision
    this.#isByHand = isByHand
    this.#since = performance.now()
    this.#draw()
  }

  #draw(): void {
    const sightings = this.#remembered.get(this.#revision) ?? new Map<string, Sighting>()
    const seen = [...sightings.values()]
    const [first] = seen
    if (first === undefined) {
      return
    }
    const longest = Math.max(50, ...seen.map(({ ms }) => ms)) * 1.15
    const x = (ms: number): number => LEFT + (ms / longest) * (WIDTH - LEFT - 70)
    this.#svg.replaceChildren(
      ...this.#places.flatMap(({ name }, row) => {
        const y = row * ROW + 16
        const sighting = sightings.get(name)
        const label = drawn('text', { class: 'name', x: 0, y: y + 4 }, name)
        const rule = drawn('line', { class: 'rule', x1: LEFT, x2: WIDTH - 60, y1: y, y2: y })
        if (sighting === undefined) {
          return [label, rule, drawn('text', { class: 'lag', x: WIDTH - 56, y: y + 4 }, 'not yet')]
        }
        return [
          label,
          rule,
          drawn('line', { class: 'way', x1: LEFT, x2: x(sighting.ms), y1: y, y2: y }),
          drawn('circle', { class: 'seen', cx: x(sighting.ms), cy: y, r: 5 }),
          drawn('text', { class: 'lag', x: WIDTH - 56, y: y + 4 }, msText(sighting.ms)),
        ]
      }),
    )
    const sorted = seen.toSorted((a, b) => a.ms - b.ms)
    const last = sorted.at(-1)
    this.#caption.textContent =
      `Revision ${this.#revision}, written in ${first.from}: seen in ${seen.length} of ${this.#places.length} regions` +
      (last === undefined ? '.' : `, last in ${last.region} ${msText(last.ms)} after it was sent.`)
  }
}
