import { calmExperiment, type Experiment, experimentText, readExperiment } from '../experiment.ts'
import type { Deed, Opening, Tick } from '../told.ts'
import { byId, element } from './element.ts'
import { Gate } from './gate.ts'
import { WorldMap } from './map.ts'
import { presets } from './presets.ts'
import { axis, RegionRow } from './rows.ts'
import { Source } from './source.ts'
import { story } from './story.ts'
import { WriteCard } from './write-card.ts'

const LOG_MAX = 4
const CSV_NAME = 'etcdurable-lab.csv'

/** The buttons' words for each. */
const deedWords: Readonly<Record<Deed, string>> = {
  write: 'write once',
  cut: 'cut',
  slow: 'slow',
  stop: 'stop',
  lead: 'lead',
  crash: 'crash the leader',
}

/** The page while a lab runs. */
class Page {
  readonly #opening: Opening
  readonly #source: Source
  readonly #names: readonly string[]
  readonly #titles: ReadonlyMap<string, string>
  readonly #map: WorldMap
  readonly #rows: ReadonlyMap<string, RegionRow>
  readonly #card: WriteCard
  #experiment: Experiment
  #story = ''

  constructor(opening: Opening, source: Source) {
    this.#opening = opening
    this.#source = source
    this.#names = opening.regions.map(({ name }) => name)
    this.#titles = new Map(opening.regions.map(({ name, title }) => [name, title]))
    this.#experiment = this.#read(opening.experiment)
    this.#map = new WorldMap(opening, (region) => byId(`region-${region}`).focus())
    this.#card = new WriteCard(opening.regions)
    const wishes = {
      change: (make: (experiment: Experiment) => Experiment) => this.change(make(this.#experiment)),
      write: (region: string) => void this.#write(region),
    }
    this.#rows = new Map(
      opening.regions.map((place) => [place.name, new RegionRow(place, wishes, opening)]),
    )
    byId('map').replaceChildren(this.#map.element)
    byId('write').replaceChildren(...this.#card.elements)
    byId('rows').replaceChildren(...[...this.#rows.values()].map((row) => row.element))
    byId('axis').replaceChildren(axis())
    this.#showWords()
    this.#showPresets()
    this.#showReads()
    this.fromLink()
  }

  /** What the address says is done. */
  fromLink(): void {
    const text = decodeURIComponent(location.hash.slice(1))
    if (text !== '' && text !== experimentText(this.#experiment)) {
      this.change(this.#read(text))
    }
  }

  #read(text: string): Experiment {
    return readExperiment(text, this.#names, this.#opening.limits)
  }

  change(experiment: Experiment): void {
    this.#experiment = experiment
    const text = experimentText(experiment)
    history.replaceState(null, '', `#${text}`)
    void this.#source.post('experiment', text)
  }

  async #write(region: string): Promise<void> {
    const revision = Number(await this.#source.post('write', region))
    if (revision > 0) {
      this.#card.byHand(revision)
    }
  }

  tick(tick: Tick): void {
    const experiment = this.#read(tick.experiment)
    this.#experiment = experiment
    for (const sample of tick.samples) {
      this.#rows.get(sample.region)?.add(sample)
    }
    for (const sighting of tick.sightings) {
      this.#card.add(sighting)
      this.#map.pulse(sighting, tick.regions)
    }
    this.#map.show(experiment, tick.regions)
    for (const [name, row] of this.#rows) {
      const region = tick.regions[name]
      if (region !== undefined) {
        row.show(region, experiment, tick.time)
      }
    }
    this.#tell(tick)
    const { reads } = experiment
    byId('reads-text').textContent = `${reads} reads/s of each kind in each region`
    this.#showEnd(tick)
    byId('page').dataset['ready'] = 'true'
  }

  #showWords(): void {
    const { source, deeds, truth, endsAt } = this.#opening
    byId('source').textContent = source
    byId('truth').textContent = truth
    byId('crash').title = deeds.crash
    byId('deeds').replaceChildren(
      ...(Object.entries(deedWords) as [Deed, string][]).map(([deed, word]) =>
        element('div', {}, element('dt', {}, word), element('dd', {}, deeds[deed])),
      ),
    )
    byId('run').hidden = endsAt === undefined
  }

  #showEnd({ time, clockMs }: Tick): void {
    const { endsAt } = this.#opening
    if (endsAt !== undefined) {
      const seconds = Math.max(0, Math.round((endsAt - time) / 1000))
      const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
      byId('remaining').textContent = `ends in ${text}`
    }
    byId('clock').textContent =
      clockMs === 0
        ? ''
        : `Times from one region to another are as exact as their clocks agree: to ${Math.ceil(clockMs)} ms at worst.`
  }

  #tell({ regions, events, totals, revision, passedOver }: Tick): void {
    const told = story({
      experiment: this.#experiment,
      regions,
      titles: this.#titles,
      passedOver,
    })
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
      ...presets(this.#names, this.#opening.limits).map(({ title, hint, experiment }) => {
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
    reads.max = String(this.#opening.limits.reads)
    reads.value = String(this.#experiment.reads || calmExperiment(this.#names).reads)
    reads.oninput = () => this.change({ ...this.#experiment, reads: Number(reads.value) })
  }

  async copyLink(): Promise<void> {
    history.replaceState(null, '', `#${experimentText(this.#experiment)}`)
    await navigator.clipboard.writeText(location.href)
    byId('link').textContent = 'link copied'
  }
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
let page: Page | undefined
const source: Source = new Source({
  opening: (opening) => {
    byId('page').dataset['state'] = 'running'
    page = new Page(opening, source)
  },
  tick: (tick) => page?.tick(tick),
  idle: (idle) => {
    page = undefined
    gate.idle(idle)
  },
  locked: (problem) => gate.locked(problem),
  lost: (isLost) => {
    byId('page').dataset['lost'] = String(isLost)
  },
})
const gate = new Gate({
  unlock: (token) => source.unlock(token),
  start: (regions) => void source.post('start', regions.join(',')),
})
addEventListener('hashchange', () => page?.fromLink())
byId('crash').addEventListener('click', () => void source.post('crash-leader'))
byId('link').addEventListener('click', () => void page?.copyLink())
byId('csv').addEventListener('click', () => void source.save('samples.csv', CSV_NAME))
byId('end').addEventListener('click', () => void source.post('end'))
void source.run()
