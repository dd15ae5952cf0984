import type { Row } from './bench-case.ts'
import { median } from './samples.ts'

/**
 * Markdown: the medians of all rounds and, where there is somebody to compare with, the median of
 * the rounds' ratios, ours to theirs.
 */
export function formatTable(names: readonly string[], rows: readonly Row[]): string {
  const [, theirs] = names
  const head = ['what', ...names, ...(theirs === undefined ? [] : ['ratio'])]
  const lines = rows.map(({ name, rounds }) => {
    const medians = names.map((_, place) => shown(median(rounds[place] ?? [])))
    return [name, ...medians, ...(theirs === undefined ? [] : [shown(ratio(rounds))])]
  })
  const widths = head.map((_, column) =>
    Math.max(...[head, ...lines].map((line) => line[column]?.length ?? 0)),
  )
  const format = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join(' | ')} |`
  const rule = widths.map((width, column) => '-'.repeat(width - 1) + (column === 0 ? '-' : ':'))
  return [format(head), `| ${rule.join(' | ')} |`, ...lines.map(format)].join('\n')
}

function ratio(rounds: readonly (readonly number[])[]): number {
  const [ours = [], theirs = []] = rounds
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
