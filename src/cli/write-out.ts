import type { ClientFlags } from './client-flag-table.ts'

/** An answer as --write-out wants it. */
export function writeOut(
  flags: Pick<ClientFlags, 'write-out'>,
  answer: object,
  simple: () => string,
): string {
  return flags['write-out'] === 'json' ? JSON.stringify(answer) : simple()
}

/** Lines whose cells stand below each other. */
export function columns(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, place) =>
    Math.max(...lines.map((cells) => cells[place]?.length ?? 0)),
  )
  return lines
    .map((cells) =>
      cells
        .map((cell, place) => cell.padEnd(widths[place] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
