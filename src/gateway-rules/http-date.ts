let printedSecond = Number.NaN
let printed = ''

/** The `Date` of an answer that is given at `nowMs`. A second's text is made once. */
export function httpDate(nowMs: number): string {
  const second = Math.floor(nowMs / 1000)
  if (second !== printedSecond) {
    printedSecond = second
    printed = new Date(nowMs).toUTCString()
  }
  return printed
}
