import type { Row } from './bench-case.ts'
import { median } from './samples.ts'

/**
 * Markdown: the medians of all rounds and, for each with whom we are compared, the median of the
 * rounds' ratios, ours to theirs.
 */
export function formatTable(names: readonly string[], rows: readonly Row[]): string {
  const [, ...others] = names
  const head = ['what', ...names, ...others.map((name) => `to ${name}`)]
  const lines = rows.map(({ name, rounds }) => {
    const [ours = [], ...theirs] = names.map((_, place) => rounds[place] ?? [])
    const medians = [ours, ...theirs].map((values) => shown(median(values)))
    return [name, ...medians, ...theirs.map((values) => shown(ratio(ours, values)))]
  })
  const widths = head.map((_, column) =>
    Math.max(...[head, ...lines].map((line) => line[column]?.length ?? 0)),
  )
  const format = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join(' | ')} |`
  const rule = widths.map((width, column) => '-'.repeat(width - 1) + (column === 0 ? '-' : ':'))
  return [format(head), `| ${rule.join(' | ')} |`, ...lines.map(format)].join('\n')
}

function ratio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)))
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

/** Three digits, or all of those before the point. */
function shown(value: number): string {
  if (Number.isNaN(value)) {
    return '–'
  }
  const decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3
  return value.toLocaleString('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  })
}
