/** As Go prints it: from a million on, and below a ten-thousandth, with an exponent of two digits. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) {
    return value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN'
  }
  const size = Math.abs(value)
  return size === 0 || (size >= 1e-4 && size < 1e6)
    ? String(value)
    : value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}
