import { quoteBytes } from '../protocol/go-quote.ts'

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}

export type GrpcTimeout = { readonly ms: number } | { readonly malformed: string }

/** The header `grpc-timeout`: up to eight digits and a unit. The complaints are grpc-go's. */
export function readTimeout(value: string): GrpcTimeout {
  if (value.length < 2) {
    return { malformed: `transport: timeout string is too short: ${quoteText(value)}` }
  }
  if (value.length > 9) {
    return { malformed: `transport: timeout string is too long: ${quoteText(value)}` }
  }
  const unit = unitMs[value.slice(-1)]
  if (unit === undefined) {
    return { malformed: `transport: timeout unit is not recognized: ${quoteText(value)}` }
  }
  const digits = value.slice(0, -1)
  if (!/^\d+$/.test(digits)) {
    return { malformed: `strconv.ParseUint: parsing ${quoteText(digits)}: invalid syntax` }
  }
  return { ms: Number(digits) * unit }
}

/** Go's %q of what Node reads from a header, a character for each byte. */
export function quoteText(latin1: string): string {
  return quoteBytes(Buffer.from(latin1, 'latin1'))
}
