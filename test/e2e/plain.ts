// An answer without what lawfully differs from server to server and from run to run.
import { isObject, type Json, type JsonObject } from './http.ts'

/**
 * Each such value is replaced by a word only when it has the right shape, so that a missing or
 * malformed one still shows. JSON is parsed: the spaces after `,` and `:` differ per etcd build.
 */
export function plainBody(path: string, body: string): Json {
  let parsed: Json
  try {
    parsed = JSON.parse(body) as Json
  } catch (error) {
    if (error instanceof SyntaxError) {
      return body
    }
    throw error
  }
  return isObject(parsed) ? plainMessage(path, parsed) : parsed
}

export function plainMessage(path: string, message: JsonObject): JsonObject {
  const plain: Record<string, Json | undefined> = { ...message }
  const { header, result } = message
  if (isObject(header)) {
    plain['header'] = plainHeader(header)
  }
  if (isObject(result)) {
    plain['result'] = plainMessage(path, result)
  }
  if (typeof message['message'] === 'string') {
    plain['message'] = plainText(message['message'])
  }
  if (path.endsWith('/lease/timetolive')) {
    plainTimeToLive(plain)
  }
  if (path.endsWith('/maintenance/status')) {
    plainStatus(plain, header)
  }
  if (path.endsWith('/maintenance/hash') && typeof plain['hash'] === 'number') {
    plain['hash'] = '<hash of the whole file>'
  }
  if (Array.isArray(message['members'])) {
    plain['members'] = message['members']
      .map((member: JsonObject) => plainMember(member, header))
      .toSorted((a, b) => (String(a['ID']) < String(b['ID']) ? -1 : 1))
  }
  if (isObject(message['member'])) {
    plain['member'] = plainMember(message['member'], header)
  }
  return plain
}

function plainHeader(header: JsonObject): JsonObject {
  const plain: Record<string, Json | undefined> = { ...header }
  for (const name of ['cluster_id', 'member_id', 'raft_term']) {
    number(plain, name)
  }
  return plain
}

/** Protobuf's own texts carry a space of either kind, or two, chosen per build on purpose. */
function plainText(text: string): string {
  return text.replaceAll('\u00a0', ' ').replace(/ +/g, ' ')
}

function plainTimeToLive(plain: Record<string, Json | undefined>): void {
  const { TTL: left, grantedTTL: granted, keys } = plain
  if (granted !== undefined && Number(left ?? 0) >= 0 && Number(left ?? 0) <= Number(granted)) {
    plain['TTL'] = '<seconds left>'
  }
  if (Array.isArray(keys)) {
    plain['keys'] = keys.map(String).toSorted()
  }
}

function plainStatus(plain: Record<string, Json | undefined>, header: Json | undefined): void {
  if (isObject(header) && plain['leader'] === header['member_id']) {
    plain['leader'] = '<this member>'
  }
  for (const name of ['dbSize', 'dbSizeInUse', 'raftIndex', 'raftAppliedIndex', 'raftTerm']) {
    number(plain, name)
  }
  const errors = plain['errors']
  if (Array.isArray(errors)) {
    plain['errors'] = errors.map((error) => plainText(String(error)))
  }
}

function plainMember(member: JsonObject, header: Json | undefined): JsonObject {
  const plain: Record<string, Json | undefined> = { ...member }
  if (isObject(header) && member['ID'] === header['member_id']) {
    plain['ID'] = '<this member>'
  } else if (/^[1-9]\d*$/.test(String(member['ID']))) {
    plain['ID'] = '<another member>'
  }
  for (const name of ['peerURLs', 'clientURLs']) {
    const urls = member[name]
    if (Array.isArray(urls) && urls.every((url) => URL.canParse(String(url)))) {
      plain[name] = urls.map(() => '<url>')
    }
  }
  return plain
}

function number(plain: Record<string, Json | undefined>, name: string): void {
  const value = plain[name]
  if (typeof value === 'string' && /^[1-9][0-9]*$/.test(value)) {
    plain[name] = '<number>'
  }
}
