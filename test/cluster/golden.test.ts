import { describe, expect, it } from 'vitest'
import {
  downgrade,
  memberAdd,
  memberList,
  memberPromote,
  memberRemove,
  memberUpdate,
  transferee,
} from '../../src/cluster/cluster-service.ts'
import { peerUrl } from '../../src/cluster/peer-url.ts'
import type {
  DowngradeRequest,
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberUpdateRequest,
  MoveLeaderRequest,
} from '../../src/protocol/generated/messages.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { decodeJson } from '../../src/protocol/json-decode.ts'
import { encodeJson } from '../../src/protocol/json-encode.ts'
import type { MessageType } from '../../src/protocol/message-type.ts'
import { type MethodName, routes } from '../../src/protocol/methods.ts'
import { httpStatus, jsonErrorBody, RpcStatus } from '../../src/protocol/status.ts'
import { readGolden, utf8 } from '../protocol/golden-file.ts'
import { Host } from './host.ts'

interface Recording {
  readonly label: string
  readonly path: string
  readonly body: string
  readonly status: number
  readonly response: string
}

describe('members.jsonl', () => {
  const host = new Host()
  const ids = new Map<string, string>()
  for (const recording of readGolden('members.jsonl') as Recording[]) {
    it(`[MBR1] answers as recorded: ${recording.label}`, () => {
      const { status, body } = answer(host, {
        ...recording,
        body: [...ids].reduce((text, [then, now]) => text.replace(then, now), recording.body),
      })
      expect({ status, body: plain(body) }).toEqual({
        status: recording.status,
        body: plain(recording.response),
      })
      learnIds(ids, recording.response, body)
    })
  }
})

describe('downgrade.jsonl', () => {
  const host = new Host()
  for (const recording of readGolden('downgrade.jsonl') as Recording[]) {
    it(`[MNT1] answers as recorded: ${recording.label}`, () => {
      const { status, body } = answer(host, recording)
      expect({ status, body: plain(body) }).toEqual({
        status: recording.status,
        body: plain(recording.response),
      })
    })
  }
})

describe('peer-urls.jsonl', () => {
  const recordings = readGolden('peer-urls.jsonl') as { url: string; peerURL?: string }[]
  for (const { url, peerURL } of recordings) {
    it(`[MBR2] takes a peer's URL or refuses it as recorded: ${JSON.stringify(url)}`, () => {
      expect(peerUrl(url)).toBe(peerURL)
    })
  }
})

function answer(host: Host, { path, body }: Recording): { status: number; body: string } {
  const method = (routes as Readonly<Record<string, MethodName>>)[path]
  if (method === undefined) {
    throw new Error(`no method at ${path}`)
  }
  const request: MessageType<object> = rpcMethods[method].request
  const response: MessageType<object> = rpcMethods[method].response
  try {
    const result = respond(host, method, decodeJson(request, utf8(body)))
    return { status: 200, body: encodeJson(response, result) }
  } catch (error) {
    if (!(error instanceof RpcStatus)) {
      throw error
    }
    return { status: httpStatus(error.code), body: jsonErrorBody(error) }
  }
}

function respond(host: Host, method: MethodName, request: object): object {
  switch (method) {
    case '/etcdserverpb.Cluster/MemberAdd':
      return memberAdd(host, request as MemberAddRequest, undefined)
    case '/etcdserverpb.Cluster/MemberRemove':
      return memberRemove(host, request as MemberRemoveRequest, undefined)
    case '/etcdserverpb.Cluster/MemberUpdate':
      return memberUpdate(host, request as MemberUpdateRequest, undefined)
    case '/etcdserverpb.Cluster/MemberPromote':
      return memberPromote(host, request as MemberPromoteRequest)
    case '/etcdserverpb.Cluster/MemberList':
      return memberList(host, undefined)
    case '/etcdserverpb.Maintenance/MoveLeader':
      transferee(host, request as MoveLeaderRequest, undefined)
      return {}
    case '/etcdserverpb.Maintenance/Downgrade':
      return downgrade(host, request as DowngradeRequest)
    case '/etcdserverpb.Maintenance/Status':
      return { ...rpcMethods[method].response.empty(), downgradeInfo: host.downgrade.info }
    default:
      throw new Error(`${method} is not recorded`)
  }
}

interface Answer {
  readonly header?: object
  readonly member?: { readonly ID: string }
  readonly members?: readonly { readonly ID: string; readonly name?: string }[]
  readonly downgradeInfo?: object
}

/** Ids differ, and with them the order of the list. */
function plain(body: string): unknown {
  const answered = JSON.parse(body) as Answer
  if (answered.downgradeInfo !== undefined) {
    return answered.downgradeInfo
  }
  const { header = {}, member, members, ...rest } = answered
  return {
    ...rest,
    header: Object.keys(header),
    member: member && { ...member, ID: '' },
    members: members?.map((other) => JSON.stringify({ ...other, ID: '' })).toSorted(),
  }
}

function learnIds(ids: Map<string, string>, then: string, now: string): void {
  const recorded = JSON.parse(then) as Answer
  const answered = JSON.parse(now) as Answer
  const pairs = [
    [recorded.member, answered.member],
    [ownOf(recorded), ownOf(answered)],
  ]
  for (const [before, after] of pairs) {
    if (before !== undefined && after !== undefined) {
      ids.set(before.ID, after.ID)
    }
  }
}

function ownOf({ members = [] }: Answer) {
  return members.find(({ name }) => name !== undefined)
}
