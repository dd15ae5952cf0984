/** Text as JSON strings, escaped as Go escapes it. */

/** What protojson escapes, which is all that JSON asks for. */
// oxlint-disable-next-line no-control-regex -- JSON forbids exactly these in a string
const special = /[\u0000-\u001f"\\]/

/** encoding/json, which prints the lines of a stream, guards text against HTML as well. */
// oxlint-disable-next-line no-control-regex -- JSON forbids some of these in a string
const specialInHtml = /[\u0000-\u001f"\\<>&\u2028\u2029]/
const htmlAlone = /[<>&\u2028\u2029]/g

/** A string of a unary answer. */
export function quote(text: string): string {
  return special.test(text) ? JSON.stringify(text) : `"${text}"`
}

/** A string in a line of a stream. */
export function quoteForHtml(text: string): string {
  return specialInHtml.test(text)
    ? JSON.stringify(text).replace(htmlAlone, escapeUnit)
    : `"${text}"`
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
