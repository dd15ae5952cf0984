import {
  calmExperiment,
  type Experiment,
  experimentText,
  readExperiment,
  READS_MAX,
} from '../experiment.ts'
import type { Opening, Tick } from '../told.ts'
import { byId, element } from './element.ts'
import { WorldMap } from './map.ts'
import { presets } from './presets.ts'
import { axis, RegionRow } from './rows.ts'
import { story } from './story.ts'
import { WriteCard } from './write-card.ts'

const LOG_MAX = 4

/** The page, from its first message on. */
class Page {
  readonly #opening: Opening
  readonly #names: readonly string[]
  readonly #titles: ReadonlyMap<string, string>
  readonly #map: WorldMap
  readonly #rows: ReadonlyMap<string, RegionRow>
  readonly #card: WriteCard
  #experiment: Experiment
  #story = ''

  constructor(opening: Opening) {
    this.#opening = opening
    this.#names = opening.regions.map(({ name }) => name)
    this.#titles = new Map(opening.regions.map(({ name, title }) => [name, title]))
    this.#experiment = readExperiment(opening.experiment, this.#names)
    this.#map = new WorldMap(opening, (region) => byId(`region-${region}`).focus())
    this.#card = new WriteCard(opening.regions)
    const wishes = {
      change: (make: (experiment: Experiment) => Experiment) => this.change(make(this.#experiment)),
      write: (region: string) => void this.#write(region),
    }
    this.#rows = new Map(opening.regions.map((place) => [place.name, new RegionRow(place, wishes)]))
    byId('map').replaceChildren(this.#map.element)
    byId('write').replaceChildren(...this.#card.elements)
    byId('rows').replaceChildren(...[...this.#rows.values()].map((row) => row.element))
    byId('axis').replaceChildren(axis())
    byId('source').textContent = opening.source
    this.#showPresets()
    this.#showReads()
    byId('crash').addEventListener('click', () => void post('crash-leader', ''))
    byId('link').addEventListener('click', () => void this.#copyLink())
    const fromLink = () => {
      const text = decodeURIComponent(location.hash.slice(1))
      if (text !== '' && text !== experimentText(this.#experiment)) {
        this.change(readExperiment(text, this.#names))
      }
    }
    addEventListener('hashchange', fromLink)
    fromLink()
  }

  change(experiment: Experiment): void {
    this.#experiment = experiment
    const text = experimentText(experiment)
    history.replaceState(null, '', `#${text}`)
    void post('experiment', text)
  }

  async #write(region: string): Promise<void> {
    const revision = Number(await post('write', region))
    if (revision > 0) {
      this.#card.byHand(revision)
    }
  }

  tick(tick: Tick): void {
    const experiment = readExperiment(tick.experiment, this.#names)
    this.#experiment = experiment
    for (const sample of tick.samples) {
      this.#rows.get(sample.region)?.add(sample)
    }
    for (const sighting of tick.sightings) {
      this.#card.add(sighting)
      this.#map.pulse(sighting, experiment)
    }
    this.#map.show(experiment, tick.regions)
    const leader = Object.entries(tick.regions).find(([, { role }]) => role === 'leader')?.[0] ?? ''
    for (const [name, row] of this.#rows) {
      const region = tick.regions[name]
      if (region !== undefined) {
        row.show(region, experiment, this.#roundTrip(name, leader))
      }
    }
    this.#tell(tick)
    const { reads } = experiment
    byId('reads-text').textContent = `${reads} reads/s of each kind in each region`
    byId('page').dataset['ready'] = 'true'
  }

  #roundTrip(region: string, leader: string): number {
    const slow = (this.#experiment.slow[region] ?? 0) + (this.#experiment.slow[leader] ?? 0)
    return region === leader ? 0 : (this.#opening.roundTrips[`${region}-${leader}`] ?? 0) + slow
  }

  #tell({ regions, events, totals, revision }: Tick): void {
    const told = story({ experiment: this.#experiment, regions, titles: this.#titles })
    // Figures change five times a second: whoever listens hears of it when the words change.
    const words = told.join(' ').replaceAll(/[\d.]+/g, '')
    const place = byId('story')
    if (words !== this.#story) {
      this.#story = words
      place.replaceChildren(...told.map((text) => element('p', {}, text)))
    } else {
      told.forEach((text, row) => {
        const paragraph = place.children[row]
        if (paragraph !== undefined && paragraph.textContent !== text) {
          paragraph.textContent = text
        }
      })
    }
    const log = byId('log')
    events.forEach((event) => log.prepend(element('li', {}, event)))
    ;[...log.children].slice(LOG_MAX).forEach((old) => old.remove())
    byId('revision').textContent = String(revision)
    byId('linearizable-count').textContent = totals.linearizable.toLocaleString('en')
    byId('violations').textContent = String(totals.violations)
    byId('serializable-count').textContent = totals.serializable.toLocaleString('en')
    byId('lost').textContent = totals.lost.toLocaleString('en')
    byId('stale').textContent = totals.stale.toLocaleString('en')
  }

  #showPresets(): void {
    byId('presets').replaceChildren(
      ...presets(this.#names).map(({ title, hint, experiment }) => {
        const link = element('a', { href: `#${experimentText(experiment)}`, title: hint }, title)
        link.addEventListener('click', (event) => {
          event.preventDefault()
          this.change(experiment)
        })
        return element('li', {}, link)
      }),
    )
  }

  #showReads(): void {
    const reads = byId('reads') as HTMLInputElement
    reads.max = String(READS_MAX)
    reads.value = String(this.#experiment.reads || calmExperiment(this.#names).reads)
    reads.addEventListener('input', () =>
      this.change({ ...this.#experiment, reads: Number(reads.value) }),
    )
  }

  async #copyLink(): Promise<void> {
    history.replaceState(null, '', `#${experimentText(this.#experiment)}`)
    await navigator.clipboard.writeText(location.href)
    byId('link').textContent = 'link copied'
  }
}

async function post(action: string, body: string): Promise<string> {
  const response = await fetch(action, { method: 'POST', body })
  return response.text()
}

const THEMES = ['auto', 'light', 'dark'] as const

function showTheme(theme: string): void {
  document.documentElement.dataset['theme'] = theme
  byId('theme').textContent = `theme: ${theme}`
}

function startTheme(): void {
  let place = Math.max(0, THEMES.indexOf((localStorage.getItem('theme') ?? 'auto') as 'auto'))
  showTheme(THEMES[place] ?? 'auto')
  byId('theme').addEventListener('click', () => {
    place = (place + 1) % THEMES.length
    localStorage.setItem('theme', THEMES[place] ?? 'auto')
    showTheme(THEMES[place] ?? 'auto')
  })
}

startTheme()
const source = new EventSource('events')
let page: Page | undefined
source.addEventListener('opening', (event) => {
  page = new Page(JSON.parse((event as MessageEvent<string>).data) as Opening)
  byId('page').dataset['lost'] = 'false'
})
source.addEventListener('tick', (event) => {
  page?.tick(JSON.parse((event as MessageEvent<string>).data) as Tick)
})
source.addEventListener('error', () => {
  byId('page').dataset['lost'] = 'true'
})
