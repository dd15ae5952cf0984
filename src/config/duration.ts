const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/**
 * Milliseconds of a Go duration such as `10m` or `1h30m`; undefined when it is none. A bare number
 * has no unit and is none, except `0`.
 */
export function parseDuration(text: string): number | undefined {
  const [, sign, rest] = /^([+-]?)(.+)$/.exec(text) ?? []
  if (rest === undefined) {
    return undefined
  }
  if (rest === '0') {
    return 0
  }
  if (!/^((\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h))+$/.test(rest)) {
    return undefined
  }
  let ms = 0
  for (const [, amount, unit] of rest.matchAll(/([\d.]+)([a-zµ]+)/g)) {
    ms += Number(amount) * (unitMs[unit ?? ''] ?? 0)
  }
  return sign === '-' ? -ms : ms
}
