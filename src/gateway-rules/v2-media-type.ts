/** A token's characters (RFC 7230 §3.2.6), of which types and the names of parameters are. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/

/** What Go's mime.ParseMediaType makes of a Content-Type: it may answer both. */
export interface MediaType {
  readonly type: string
  readonly problem: string | undefined
}

/** What nearly all send. */
const form: MediaType = { type: 'application/x-www-form-urlencoded', problem: undefined }

/** Without a header it is that of arbitrary bytes. */
export function parseMediaType(header: string | null): MediaType {
  if (header === form.type) {
    return form
  }
  const text = header === null || header === '' ? 'application/octet-stream' : header
  const semicolon = text.indexOf(';')
  const type = (semicolon === -1 ? text : text.slice(0, semicolon)).trim().toLowerCase()
  const problem = typeProblem(type)
  if (problem !== undefined) {
    return { type: '', problem }
  }
  return parameters(type, semicolon === -1 ? '' : text.slice(semicolon))
}

function typeProblem(type: string): string | undefined {
  if (type === '') {
    return 'mime: no media type'
  }
  const rest = type.replace(TOKEN, '')
  if (rest === type) {
    return 'mime: no media type'
  }
  if (rest === '') {
    return undefined
  }
  if (!rest.startsWith('/')) {
    return 'mime: expected slash after first token'
  }
  const subtype = rest.slice(1)
  if (!TOKEN.test(subtype)) {
    return 'mime: expected token after slash'
  }
  return subtype.replace(TOKEN, '') === ''
    ? undefined
    : 'mime: unexpected content after media subtype'
}

function parameters(type: string, text: string): MediaType {
  const seen = new Map<string, string>()
  for (let rest = text; rest !== '';) {
    rest = rest.trimStart()
    if (rest === '') {
      break
    }
    const parameter = /^;\s*([^\s=;]+)\s*=\s*("(?:[^"\\\r\n]|\\.)*"|[^\s;,"]+)/.exec(rest)
    const [whole = '', name = '', value = ''] = parameter ?? []
    if (parameter === null || !isToken(name) || !(value.startsWith('"') || isToken(value))) {
      // One semicolon at the end, behind which nothing stands, is passed over.
      return rest.trim() === ';'
        ? { type, problem: undefined }
        : { type, problem: 'mime: invalid media parameter' }
    }
    const known = seen.get(name.toLowerCase())
    if (known !== undefined && known !== value) {
      return { type: '', problem: 'mime: duplicate parameter name' }
    }
    seen.set(name.toLowerCase(), value)
    rest = rest.slice(whole.length)
  }
  return { type, problem: undefined }
}

function isToken(text: string): boolean {
  return text.replace(TOKEN, '') === '' && text !== ''
}
