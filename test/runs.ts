/**
 * How thorough random tests are, as a factor of the counts that they name. CI takes those; at a desk,
 * where the tests run many times a day, a quarter adds up to more.
 */
const factor = Number(process.env['TEST_RUNS'] ?? 0.25)

/** How many random cases to try where CI tries so many; at least one. */
export function runs(inCi: number): number {
  return Math.max(1, Math.round(inCi * factor))
}

/** The seeds of whole histories, from 1 on; E2E_SEED=7 takes that one alone. */
export function seeds(inCi: number): readonly number[] {
  const only = process.env['E2E_SEED']
  return only === undefined ? Array.from({ length: runs(inCi) }, (_, at) => at + 1) : [Number(only)]
}
