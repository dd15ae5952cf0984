const SVG = 'http://www.w3.org/2000/svg'

type Attributes = Readonly<Record<string, string | number>>

/** An element of HTML, with what is in it. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...content: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, String(value)))
  made.append(...content)
  return made
}

/** An element of SVG. */
export function drawn<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...content: readonly (Node | string)[]
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS(SVG, tag)
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, String(value)))
  made.append(...content)
  return made
}

/** The element of the page that has the id. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (found === null) {
    throw new Error(`no element ${id}`)
  }
  return found
}

/** Milliseconds as one reads them. */
export function msText(ms: number): string {
  if (ms >= 10_000) {
    return `${Math.round(ms / 1000)} s`
  }
  if (ms >= 1000) {
    return `${(ms / 1000).toFixed(1)} s`
  }
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`
}
