import {
  families,
  type FamilyName,
  type HistogramValue,
  type MetricFamily,
  type MetricSample,
  type MetricValues,
} from '../protocol/metric-families.ts'
import { numberText } from '../protocol/metric-number.ts'

type Value = MetricSample['value']

/**
 * In Prometheus' text format, or in OpenMetrics: every family that has something to tell, in the order
 * of their names, each sample in that of its labels, as etcd has them.
 */
export function metricsText(values: MetricValues, isOpen: boolean): string {
  const text = familyNames
    .map((name) => familyText(name, valuesByLabels(name, values[name] ?? []), isOpen))
    .join('')
  return isOpen ? `${text}# EOF\n` : text
}

const familyNames = (Object.keys(families) as FamilyName[]).toSorted()

/** There are hundreds, which are made when somebody asks for the first time. */
const presets = new Map<FamilyName, ReadonlyMap<string, Value>>()

function presetsOf(name: FamilyName): ReadonlyMap<string, Value> {
  let preset = presets.get(name)
  if (preset === undefined) {
    preset = inOrder(families[name].presets.map(({ labels, value }) => [labelsText(labels), value]))
    presets.set(name, preset)
  }
  return preset
}

function inOrder(values: Iterable<readonly [string, Value]>): ReadonlyMap<string, Value> {
  return new Map([...values].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** What several tell of the same labels is added up. */
function valuesByLabels(
  name: FamilyName,
  samples: readonly MetricSample[],
): ReadonlyMap<string, Value> {
  const preset = presetsOf(name)
  if (samples.length === 0) {
    return preset
  }
  const told = new Map<string, Value>()
  for (const { labels, value } of samples) {
    const text = labelsText(labels)
    const before = told.get(text)
    told.set(text, typeof value === 'number' && typeof before === 'number' ? before + value : value)
  }
  const all = new Map([...preset, ...told])
  return all.size === preset.size ? all : inOrder(all)
}

/**
 * OpenMetrics names a counter without the `_total` of its samples. etcd has counters whose samples do
 * not end so; they go as `unknown`, since a dashboard knows them by those names.
 */
function familyText(name: FamilyName, values: ReadonlyMap<string, Value>, isOpen: boolean): string {
  if (values.size === 0) {
    return ''
  }
  const family = families[name]
  const { type, help } = family
  const isTotal = name.endsWith('_total')
  const shownName = isOpen && type === 'counter' && isTotal ? name.slice(0, -'_total'.length) : name
  const shownType = isOpen && type === 'counter' && !isTotal ? 'unknown' : type
  const head = `# HELP ${shownName} ${help}\n# TYPE ${shownName} ${shownType}\n`
  const lines = [...values].map(([labels, value]) =>
    typeof value === 'number'
      ? `${name}${braced(labels)} ${numberText(value)}\n`
      : histogramText(name, family, labels, value),
  )
  return head + lines.join('')
}

/** Prometheus' buckets are cumulative. */
function histogramText(
  name: string,
  { buckets = [] }: MetricFamily,
  labels: string,
  { counts, count, sum }: HistogramValue,
): string {
  const before = labels === '' ? '' : `${labels},`
  let below = 0
  const lines = buckets.map((end, index) => {
    below += counts[index] ?? 0
    return `${name}_bucket{${before}le="${numberText(end)}"} ${numberText(below)}\n`
  })
  return `${lines.join('')}${name}_bucket{${before}le="+Inf"} ${numberText(count)}
${name}_sum${braced(labels)} ${numberText(sum)}
${name}_count${braced(labels)} ${numberText(count)}
`
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`
}

function labelsText(labels: MetricSample['labels']): string {
  return Object.keys(labels)
    .toSorted()
    .map((name) => `${name}="${escaped(labels[name] ?? '')}"`)
    .join(',')
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
