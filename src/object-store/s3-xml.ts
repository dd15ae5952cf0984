import { parseXml, XmlElement } from '@rgrove/parse-xml'

/** The element that an answer of S3 is. Throws for what is no XML to the letter, and for another element. */
export function readAnswer(bytes: Uint8Array, name: string): XmlElement {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  const { root } = parseXml(text)
  if (root?.name !== name) {
    throw new Error(`the answer is no ${name}`)
  }
  return root
}

export function childrenOf({ children }: XmlElement, name: string): readonly XmlElement[] {
  return children.filter(
    (child): child is XmlElement => child instanceof XmlElement && child.name === name,
  )
}

/** What stands in the first child of that name; undefined where there is none. */
export function textOf(element: XmlElement, name: string): string | undefined {
  return childrenOf(element, name)[0]?.text
}
