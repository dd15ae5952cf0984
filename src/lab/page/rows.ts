import type { Experiment } from '../experiment.ts'
import type { Deed, Limits, OperationKind, Sample, ToldPlace, ToldRegion } from '../told.ts'
import { drawn, element, msText } from './element.ts'
import { placeOf, plot, PLOT_HEIGHT, ticks } from './plot.ts'
import { kinds, Lately, type Summary } from './statistics.ts'

/** What a click slows a region by. */
const SLOW_MS = 200

/** Writes a second that the slider goes to. */
const WRITES_MAX = 100

/** What can be done here, and how it is done. */
export interface Means {
  readonly limits: Limits
  readonly deeds: Readonly<Record<Deed, string>>
}

/** What one asks for in a row. */
export interface Wishes {
  change(make: (experiment: Experiment) => Experiment): void
  write(region: string): void
}

interface Parts {
  readonly row: HTMLElement
  readonly role: HTMLElement
  readonly heard: HTMLElement
  readonly canvas: HTMLCanvasElement
  readonly figures: ReadonlyMap<OperationKind, HTMLElement>
  readonly writes: HTMLInputElement
  readonly writesText: HTMLElement
  readonly toggles: ReadonlyMap<'cut' | 'slow' | 'stopped' | 'leader', HTMLButtonElement>
}

const words: Readonly<Record<OperationKind, string>> = {
  linearizable: 'linearizable read',
  serializable: 'serializable read',
  write: 'write',
}

/** One region: what its clients see, and what can be done to it. */
export class RegionRow {
  readonly #place: ToldPlace
  readonly #parts: Parts
  readonly #lately = new Map<OperationKind, Lately>(kinds.map((kind) => [kind, new Lately()]))

  constructor(place: ToldPlace, wishes: Wishes, means: Means) {
    this.#place = place
    this.#parts = partsOf(place, wishes, means)
  }

  get element(): HTMLElement {
    return this.#parts.row
  }

  add(sample: Sample): void {
    this.#lately.get(sample.kind)?.add(sample)
  }

  /** `now` is the lab's, in milliseconds since 1970. */
  show(told: ToldRegion, experiment: Experiment, now: number): void {
    const { role, heard, canvas, figures, writes, writesText, toggles, row } = this.#parts
    const { name } = this.#place
    row.dataset['role'] = told.role
    role.textContent = told.role === 'none' ? 'no replica yet' : told.role
    heard.textContent = told.role === 'leader' ? '' : heardText(told)
    for (const kind of kinds) {
      const summary = this.#lately.get(kind)?.summary(now)
      const figure = figures.get(kind)
      if (summary !== undefined && figure !== undefined) {
        figure.className = `figure ${kind} ${summary.state}`
        figure.title = summary.state === 'fails' ? summary.error : ''
        figure.lastElementChild?.replaceChildren(figureText(kind, summary))
      }
    }
    const rate = experiment.writes[name] ?? 0
    if (document.activeElement !== writes) {
      writes.value = String(rate)
    }
    writesText.textContent = `${rate} writes/s`
    pressed(toggles.get('cut'), experiment.cut.includes(name))
    pressed(toggles.get('stopped'), experiment.stopped.includes(name))
    pressed(toggles.get('slow'), (experiment.slow[name] ?? 0) > 0)
    pressed(toggles.get('leader'), experiment.leader === name)
    plot(canvas, {
      samples: new Map(kinds.map((kind) => [kind, this.#lately.get(kind)?.samples(now) ?? []])),
      marks: new Map(
        kinds.map((kind) => [
          kind,
          this.#lately.get(kind)?.summary(now) ?? { median: undefined, p99: undefined },
        ]),
      ),
      roundTrip: told.role === 'leader' ? 0 : told.roundTrip,
      now,
    })
  }
}

/** How much comes there from the leader; where nobody counts, how far away it is. */
function heardText({ messages, roundTrip }: ToldRegion): string {
  if (messages !== undefined) {
    return `${messages.toLocaleString('en')} messages from the leader`
  }
  return roundTrip > 0 ? `${msText(roundTrip)} to the leader and back` : ''
}

function pressed(button: HTMLButtonElement | undefined, is: boolean): void {
  button?.setAttribute('aria-pressed', String(is))
}

function figureText(kind: OperationKind, { state, median, p99, behind, error }: Summary): string {
  if (state === 'fails') {
    return `fails: ${error}`
  }
  if (median === undefined || p99 === undefined) {
    return '–'
  }
  const late = kind === 'serializable' && behind > 0 ? `, ${behind} behind` : ''
  return `${msText(median)} · ${msText(p99)}${late}`
}

function partsOf(place: ToldPlace, wishes: Wishes, { limits, deeds }: Means): Parts {
  const { name, title, town, url } = place
  const role = element('span', { class: 'role' })
  const heard = element('p')
  const canvas = element('canvas', {
    'height': PLOT_HEIGHT,
    'role': 'img',
    'aria-label': `Latencies of the last twenty seconds in ${title}; the figures are beside it`,
  })
  const figures = new Map(kinds.map((kind) => [kind, figureOf(kind)]))
  const writesText = element('span')
  const max = Math.min(limits.writes, WRITES_MAX)
  const writes = element('input', { type: 'range', min: 0, max, value: 0 })
  writes.setAttribute('aria-label', `Writes a second in ${title}`)
  writes.addEventListener('input', () =>
    wishes.change((experiment) => ({
      ...experiment,
      writes: { ...experiment.writes, [name]: Number(writes.value) },
    })),
  )
  const toggles = togglesOf(place, wishes, deeds)
  const once = element(
    'button',
    { type: 'button', class: 'quiet', title: deeds.write },
    'write once',
  )
  once.addEventListener('click', () => wishes.write(name))
  const row = element(
    'article',
    { 'class': 'row', 'id': `region-${name}`, 'tabindex': -1, 'aria-label': title },
    element(
      'div',
      { class: 'who' },
      element('h3', {}, name, ' ', role),
      element('p', {}, `${title}, ${town}`),
      ...(url === '' ? [] : [element('code', { title: 'where etcdctl finds it' }, url)]),
      heard,
    ),
    element('div', { class: 'plot' }, canvas),
    element('div', { class: 'figures' }, ...figures.values()),
    element(
      'div',
      { class: 'controls' },
      element('label', { class: 'rate' }, writes, writesText),
      element('div', { class: 'buttons' }, once, ...toggles.values()),
    ),
  )
  return { row, role, heard, canvas, figures, writes, writesText, toggles }
}

function figureOf(kind: OperationKind): HTMLElement {
  return element(
    'p',
    { class: `figure ${kind}` },
    element('span', { class: 'kind' }, words[kind]),
    element('span', { class: 'value' }, '–'),
  )
}

function togglesOf(
  { name }: ToldPlace,
  wishes: Wishes,
  deeds: Means['deeds'],
): ReadonlyMap<'cut' | 'slow' | 'stopped' | 'leader', HTMLButtonElement> {
  const button = (
    text: string,
    hint: string,
    make: (experiment: Experiment) => Experiment,
  ): HTMLButtonElement => {
    const made = element(
      'button',
      { 'type': 'button', 'title': hint, 'aria-pressed': 'false' },
      text,
    )
    made.addEventListener('click', () => wishes.change(make))
    return made
  }
  return new Map([
    [
      'cut',
      button('cut', deeds.cut, (experiment) => ({
        ...experiment,
        cut: toggled(experiment.cut, name),
      })),
    ],
    [
      'slow',
      button('slow', deeds.slow, (experiment) => ({
        ...experiment,
        slow: { ...experiment.slow, [name]: (experiment.slow[name] ?? 0) > 0 ? 0 : SLOW_MS },
      })),
    ],
    [
      'stopped',
      button('stop', deeds.stop, (experiment) => ({
        ...experiment,
        stopped: toggled(experiment.stopped, name),
      })),
    ],
    [
      'leader',
      button('lead', deeds.lead, (experiment) => ({
        ...experiment,
        leader: name,
      })),
    ],
  ])
}

function toggled(names: readonly string[], name: string): readonly string[] {
  return names.includes(name) ? names.filter((one) => one !== name) : [...names, name]
}

/** The axis above the plots. */
export function axis(): SVGSVGElement {
  return drawn(
    'svg',
    { 'class': 'axis', 'height': 16, 'aria-hidden': 'true' },
    ...ticks.map((ms) =>
      drawn(
        'text',
        { 'x': `${placeOf(ms) * 100}%`, 'y': 12, 'text-anchor': 'middle' },
        ms === 1000 ? '1 s' : `${ms} ms`,
      ),
    ),
  )
}
