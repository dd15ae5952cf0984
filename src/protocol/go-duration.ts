/** Milliseconds as Go prints a time.Duration: `1h2m3.5s`, `5ms`; `0s` for none. */
export function goDurationText(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  if (whole < 1000) {
    return whole === 0 ? '0s' : `${whole}ms`
  }
  const minutes = Math.floor(whole / 60_000)
  const seconds = `${(whole % 60_000) / 1000}s`
  if (minutes === 0) {
    return seconds
  }
  return minutes < 60
    ? `${minutes}m${seconds}`
    : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`
}
