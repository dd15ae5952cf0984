import { bytesOfText, textOfBytes } from '../protocol/byte-text.ts'

/** What a client's escaped dots have become on their way here, so that no parser of URLs resolves them. */
const escapedDots = /(?<=\/)(?:\.|%252e){1,2}(?=\/|$)/gi

/** A URL's path as Go has it: escapes decoded, in whatever bytes. */
export function decodePath(path: string): string {
  return path.includes('%')
    ? textOfBytes(unescaped(path.replaceAll(escapedDots, (dots) => dots.replaceAll('%25', '%'))))
    : path
}

function unescaped(path: string): Uint8Array {
  const bytes = bytesOfText(path)
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    const escape = byte === 0x25 ? path.slice(at + 1, at + 3) : ''
    // A URL's path has no bytes but ASCII, and Go's server refuses other escapes.
    bytes[length++] = /^[\da-f]{2}$/i.test(escape) ? Number.parseInt(escape, 16) : byte
    at += /^[\da-f]{2}$/i.test(escape) ? 2 : 0
  }
  return bytes.subarray(0, length)
}

/** Go's path.Clean of an absolute path, which keeps a slash at the end (net/http's cleanPath). */
export function cleanPath(path: string): string {
  const clean = joinPath(path)
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean
}

/** Go's path.Clean of an absolute path. */
export function joinPath(path: string): string {
  if (isClean(path)) {
    return path
  }
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') {
      parts.pop()
    } else if (part !== '' && part !== '.') {
      parts.push(part)
    }
  }
  return `/${parts.join('/')}`
}

/** Of most paths that is seen at once. */
function isClean(path: string): boolean {
  return path.startsWith('/') && !path.includes('//') && !path.includes('/.') && !path.endsWith('/')
}

/** What Go leaves as it is in the path of a URL that it writes. */
const PLAIN = /[^\w.~$&+,/:;=@-]/

/** The path as Go escapes it (url.EscapedPath). */
export function escapePath(path: string): string {
  if (!PLAIN.test(path)) {
    return path
  }
  let escaped = ''
  for (const byte of bytesOfText(path)) {
    const character = String.fromCharCode(byte)
    escaped += PLAIN.test(character)
      ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
      : character
  }
  return escaped
}
