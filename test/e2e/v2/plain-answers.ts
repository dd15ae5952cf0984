// What differs from server to server, or from moment to moment, with the word that stands for it.
import { ask, type V2Answer } from './ask.ts'

/** Seconds left are compared to the next of these: a slow machine has let one or two of them go. */
const ttlStep = 50

export class PlainAnswers {
  /** By the word. */
  readonly #own = new Map<string, string>()

  /** Asks the server who it is. */
  static async of(url: string): Promise<PlainAnswers> {
    const plain = new PlainAnswers()
    plain.#own.set('URL', url)
    const { headers, body } = await ask(url, { method: 'GET', path: '/v2/members' })
    const cluster = headers['x-etcd-cluster-id']
    if (cluster !== undefined) {
      plain.#own.set('CLUSTER', cluster)
      const { members } = JSON.parse(body) as MemberList
      const [member] = members
      plain.#own.set('MEMBER', member?.id ?? '')
      plain.#own.set('PEER-URL', member?.peerURLs[0] ?? '')
    }
    return plain
  }

  /** A request with this server's ids in the place of the words. */
  own(line: string): string {
    return line.replaceAll(/\b(?:MEMBER|ADDED\d)\b/g, (word) => this.#own.get(word) ?? word)
  }

  of({ status, headers, body }: V2Answer, isSorted: boolean): V2Answer {
    this.#noteAdded(status, body)
    const plainHeaders = Object.entries(headers).map(([name, value]): [string, string] => [
      name,
      name.startsWith('x-raft') ? plainNumber(value) : this.#plain(value),
    ])
    return {
      status,
      headers: Object.fromEntries(plainHeaders),
      body: withSortedMembers(this.#plain(isSorted ? body : withSortedNodes(body))),
    }
  }

  /** Of a client that prints what it was told. */
  text(printed: string): string {
    const added = /^Added member named \S+ with ID ([0-9a-f]+) /m.exec(printed)?.[1]
    this.#noteAdded(201, added === undefined ? '' : `{"id":"${added}"`)
    return withSortedLines(this.#plain(printed))
      .replaceAll(/(?<=^TTL: )\d+/gm, (ttl) => String(plainTtl(Number(ttl))))
      .replaceAll(/(?<=^X-Raft-(?:Index|Term): )[1-9]\d*/gm, 'N')
  }

  #noteAdded(status: number, body: string): void {
    const decimal = /"member":{"ID":"(\d+)"/.exec(body)?.[1]
    const hex = status === 201 ? /^{"id":"([0-9a-f]+)"/.exec(body)?.[1] : undefined
    const id = decimal === undefined ? hex : BigInt(decimal).toString(16)
    if (id !== undefined) {
      this.#own.set(`DECIMAL${id}`, BigInt(`0x${id}`).toString())
      const added = [...this.#own.keys()].filter((word) => word.startsWith('ADDED')).length
      this.#own.set(`ADDED${added + 1}`, id)
    }
  }

  #plain(text: string): string {
    let plain = text
    for (const [word, found] of this.#own) {
      plain = found === '' ? plain : plain.replaceAll(found, word)
    }
    return plain
      .replaceAll(/"expiration":"\d{4}-[\d:T.-]+Z"/g, '"expiration":"TIME"')
      .replaceAll(/"(startTime)":"\d{4}-[\d:T.-]+Z"/g, '"$1":"TIME"')
      .replace(/,"storage":"[\d.]+"(?=}$)/, '')
      .replaceAll(/"(etcdserver|etcdcluster)":"[\d.]+"/g, '"$1":"VERSION"')
      .replaceAll(/"uptime":"[\dhmsµn.]+"/g, '"uptime":"TIME"')
      .replaceAll(/"ttl":(\d+)/g, (_, ttl: string) => `"ttl":${plainTtl(Number(ttl))}`)
  }
}

interface MemberList {
  readonly members: readonly { readonly id: string; readonly peerURLs: readonly string[] }[]
}

/** Members are printed by their ids, of which the words are in another order. */
function withSortedLines(printed: string): string {
  return printed
    .replace(/^(?:(?:MEMBER|ADDED\d)\b.*\n)+/gm, (lines) =>
      lines
        .split(/(?<=\n)/)
        .toSorted()
        .join(''),
    )
    .replace(/(?<=^ETCD_INITIAL_CLUSTER=").*(?="$)/m, (list) =>
      list.split(',').toSorted().join(','),
    )
}

interface Node {
  readonly key: string
  readonly nodes?: readonly Node[]
}

/** A directory that is not asked for in order comes in the order of a Go map. */
function withSortedNodes(body: string): string {
  if (!body.includes('"nodes":[')) {
    return body
  }
  const sorted = (value: unknown): unknown => {
    if (!isNode(value)) {
      return value
    }
    const nodes = value.nodes?.map(sorted) as Node[] | undefined
    return { ...value, nodes: nodes?.toSorted((a, b) => (a.key < b.key ? -1 : 1)) }
  }
  const event = JSON.parse(body) as Readonly<Record<string, unknown>>
  const entries = Object.entries(event).map(([name, value]) => [name, sorted(value)] as const)
  return `${JSON.stringify(Object.fromEntries(entries)).replaceAll(/[<>&]/g, escaped)}\n`
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null

/** As Go writes it in JSON. */
const escaped = (sign: string): string => `\\u00${sign.charCodeAt(0).toString(16)}`

/** Members are listed by their ids, of which the words are in another order. */
function withSortedMembers(body: string): string {
  const list = /^{"members":\[(.*)\]}\n$/.exec(body)?.[1]
  const members = list?.split(/(?<=}),(?={)/).toSorted()
  return members === undefined ? body : `{"members":[${members.join(',')}]}\n`
}

const plainNumber = (value: string): string => (/^[1-9]\d*$/.test(value) ? 'N' : value)

function plainTtl(ttl: number): number {
  return ttl < 3 ? Math.min(ttl, 1) : Math.ceil(ttl / ttlStep) * ttlStep
}
