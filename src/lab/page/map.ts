import type { Experiment } from '../experiment.ts'
import type { Opening, Sighting, ToldPlace, ToldRegion } from '../told.ts'
import { drawn, msText } from './element.ts'
import { land, LAND_DEGREES, LAND_LATITUDE, LAND_LONGITUDE } from './world.ts'

const WIDTH = 1080
const HEIGHT = 420
const SCALE = 3
const NORTH = 80
/** Pulses of a line that may be on their way, so that a storm of writes is not a storm of elements. */
const PULSES_MAX = 6

interface Node {
  readonly group: SVGGElement
  readonly label: SVGTextElement
  readonly lag: SVGTextElement
  readonly x: number
  readonly y: number
}

interface Line {
  readonly path: SVGPathElement
  pulses: number
}

/** The world, its regions, and what passes between the leader and the others. */
export class WorldMap {
  readonly #svg: SVGSVGElement
  readonly #lines = drawn('g')
  readonly #nodes = new Map<string, Node>()
  readonly #byRegion = new Map<string, Line>()
  #leader = ''

  constructor(opening: Opening, selected: (region: string) => void) {
    this.#svg = drawn('svg', {
      'viewBox': `0 0 ${WIDTH} ${HEIGHT}`,
      'role': 'group',
      'aria-label': 'Map of the regions',
    })
    this.#svg.append(drawn('path', { class: 'land', d: landPath() }), this.#lines)
    for (const place of opening.regions) {
      const node = nodeOf(place)
      this.#nodes.set(place.name, node)
      node.group.addEventListener('click', () => selected(place.name))
      node.group.addEventListener('keydown', (event) => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault()
          selected(place.name)
        }
      })
      this.#svg.append(node.group)
    }
  }

  get element(): SVGSVGElement {
    return this.#svg
  }

  show(experiment: Experiment, regions: Readonly<Record<string, ToldRegion>>): void {
    const [leader = ''] = Object.entries(regions).find(([, { role }]) => role === 'leader') ?? []
    if (leader !== this.#leader) {
      this.#leader = leader
      this.#drawLines()
    }
    for (const [name, region] of Object.entries(regions)) {
      const node = this.#nodes.get(name)
      const isCut = experiment.cut.includes(name)
      const state = region.isRunning ? (isCut ? 'cut' : 'up') : 'down'
      node?.group.setAttribute('class', `region ${region.role} ${state}`)
      const lag = lagText(region)
      if (node !== undefined) {
        node.lag.textContent = lag
      }
      node?.group.setAttribute('aria-label', `${name}, ${region.role}, ${state}, ${lag}`)
      const isBroken = [name, leader].some(
        (end) => experiment.cut.includes(end) || regions[end]?.isRunning === false,
      )
      const isSlow = (experiment.slow[name] ?? 0) > 0 || (experiment.slow[leader] ?? 0) > 0
      this.#byRegion
        .get(name)
        ?.path.setAttribute('class', `line ${isBroken ? 'broken' : isSlow ? 'slow' : ''}`)
    }
  }

  /** The leader's watchers have heard of a write: it leaves for the others. */
  pulse({ region }: Sighting, regions: Readonly<Record<string, ToldRegion>>): void {
    if (region !== this.#leader || matchMedia('(prefers-reduced-motion: reduce)').matches) {
      return
    }
    for (const [name, line] of this.#byRegion) {
      if (line.path.classList.contains('broken') || line.pulses >= PULSES_MAX) {
        continue
      }
      line.pulses++
      const dot = drawn('circle', { class: 'pulse', r: 4 })
      this.#lines.append(dot)
      const length = line.path.getTotalLength()
      const began = performance.now()
      const ms = Math.max(60, (regions[name]?.roundTrip ?? 0) / 2)
      const step = (now: number): void => {
        const part = Math.min(1, Math.max(0, (now - began) / ms))
        const { x, y } = line.path.getPointAtLength(length * part)
        dot.setAttribute('transform', `translate(${x} ${y})`)
        if (part < 1) {
          requestAnimationFrame(step)
        } else {
          dot.remove()
          line.pulses--
        }
      }
      requestAnimationFrame(step)
    }
  }

  #drawLines(): void {
    this.#lines.replaceChildren()
    this.#byRegion.clear()
    const from = this.#nodes.get(this.#leader)
    if (from === undefined) {
      return
    }
    for (const [name, to] of this.#nodes) {
      if (name !== this.#leader) {
        const path = drawn('path', { class: 'line', d: arc(from, to) })
        this.#lines.append(path)
        this.#byRegion.set(name, { path, pulses: 0 })
      }
    }
  }
}

function lagText({ role, isRunning, lagRevisions, lagMs }: ToldRegion): string {
  if (!isRunning) {
    return 'down'
  }
  if (role === 'leader') {
    return 'leader'
  }
  return lagRevisions > 0 ? `${msText(lagMs)} behind` : msText(lagMs)
}

function nodeOf({ name, longitude, latitude }: ToldPlace): Node {
  const { x, y } = pointOf(latitude, longitude)
  const label = drawn('text', { 'class': 'name', 'y': -14, 'text-anchor': 'middle' }, name)
  const lag = drawn('text', { 'class': 'lag', 'y': 24, 'text-anchor': 'middle' })
  const group = drawn(
    'g',
    { class: 'region', transform: `translate(${x} ${y})`, tabindex: 0, role: 'button' },
    drawn('circle', { class: 'halo', r: 13 }),
    drawn('circle', { class: 'dot', r: 7 }),
    label,
    lag,
  )
  return { group, label, lag, x, y }
}

function pointOf(latitude: number, longitude: number): { readonly x: number; readonly y: number } {
  return { x: (longitude + 180) * SCALE, y: (NORTH - latitude) * SCALE }
}

/** Bent towards the north, as great circles look there. */
function arc(from: Pick<Node, 'x' | 'y'>, to: Pick<Node, 'x' | 'y'>): string {
  const bend = Math.hypot(to.x - from.x, to.y - from.y) * 0.18
  const [x, y] = [(from.x + to.x) / 2, (from.y + to.y) / 2 - bend]
  return `M${from.x} ${from.y} Q${x} ${y} ${to.x} ${to.y}`
}

function landPath(): string {
  return land
    .flatMap((row, line) =>
      row.split('').map((sign, column) => {
        const latitude = LAND_LATITUDE - line * LAND_DEGREES
        const { x, y } = pointOf(latitude, LAND_LONGITUDE + column * LAND_DEGREES)
        return sign === '#' ? `M${x} ${y}h0` : ''
      }),
    )
    .join('')
}
