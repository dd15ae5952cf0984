/** What Go's encoding/json (of Go 1.19, as etcd 3.4 has it) writes otherwise than JSON.stringify does. */
const different = /[\b\f<>&\u2028\u2029\ud800-\udfff]/
const tokens = /\\u[0-9a-f]{4}|\\[^u]|[<>&\u2028\u2029]/g

/** A string in JSON, as Go writes it. Lone surrogates stand for bytes that are no UTF-8 (byte-text.ts). */
export function goJsonText(text: string): string {
  const json = JSON.stringify(text)
  return different.test(text) ? json.replaceAll(tokens, spelt) : json
}

function spelt(token: string): string {
  if (token.startsWith('\\ud')) {
    return '\\ufffd'
  }
  if (token === '\\b') {
    return '\\u0008'
  }
  if (token === '\\f') {
    return '\\u000c'
  }
  return token.length > 1 ? token : `\\u${token.charCodeAt(0).toString(16).padStart(4, '0')}`
}
