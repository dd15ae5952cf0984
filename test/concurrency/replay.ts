import { serverPrincipal } from '../../src/auth/principal.ts'
// The lines of test/golden/lock-election-waiting.jsonl, taken as the shard would take them.
import { leader, proclaim, resign } from '../../src/concurrency/election.ts'
import { unlock } from '../../src/concurrency/lock.ts'
import { EngineError } from '../../src/mvcc/errors.ts'
import type {
  AlarmRequest,
  CampaignRequest,
  DeleteRangeRequest,
  LeaderRequest,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  LockRequest,
  ProclaimRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
  UnlockRequest,
} from '../../src/protocol/generated/messages.ts'
import { LeaderResponse } from '../../src/protocol/generated/messages.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { decodeJson } from '../../src/protocol/json-decode.ts'
import { encodeJson, encodeJsonResult } from '../../src/protocol/json-encode.ts'
import type { MessageType } from '../../src/protocol/message-type.ts'
import { type MethodName, routes } from '../../src/protocol/methods.ts'
import { fromEngineError, httpStatus, jsonErrorBody, RpcStatus } from '../../src/protocol/status.ts'
import { deleteRange, put, range, txn } from '../../src/shard/methods/kv.ts'
import { leaseGrant, leaseRevoke } from '../../src/shard/methods/lease.ts'
import { alarm } from '../../src/shard/methods/maintenance.ts'
import { plainBody } from '../e2e/plain.ts'
import { utf8 } from '../protocol/golden-file.ts'
import { type News, World } from './world.ts'

/** A line of the file; which member it has says what happened. */
export interface Line {
  /** A call that was answered at once. */
  readonly label?: string
  /** A call or stream that was begun under this name. */
  readonly start?: string
  readonly path?: string
  readonly body?: string
  /** It had not been answered. */
  readonly waits?: string
  /** Its client went. */
  readonly drop?: string
  readonly answered?: string
  readonly status?: number
  readonly response?: string
  /** The next lines of a stream. */
  readonly streamed?: string
  readonly lines?: readonly string[]
}

/** What a call was answered, as over HTTP. */
interface Answer {
  readonly status: number | undefined
  readonly body: unknown
}

interface Begun {
  answer: Answer | undefined
  readonly gone: AbortController
}

/** Replays a file against a world of its own, line by line. */
export class Replay {
  readonly world = new World()
  readonly #begun = new Map<string, Begun>()
  readonly #streams = new Map<string, News[]>()

  /** What is here what the line tells: an answer, the lines of a stream, or nothing yet. */
  async take(line: Line): Promise<unknown> {
    const happened = await this.#take(line)
    await this.world.settle()
    return happened
  }

  async #take(line: Line): Promise<unknown> {
    const { label, start, waits = '', drop, answered, streamed } = line
    if (label !== undefined) {
      const answer = answerTo(this.world, line, new AbortController().signal)
      await this.world.settle()
      return answer
    }
    if (start !== undefined) {
      this.#begin(start, line)
    } else if (drop !== undefined) {
      this.#begun.get(drop)?.gone.abort()
    } else if (answered !== undefined) {
      return this.#begun.get(answered)?.answer
    } else if (streamed !== undefined) {
      return this.#streams
        .get(streamed)
        ?.splice(0)
        .map((news) => lineOf(this.world, news))
    }
    return this.#begun.get(waits)?.answer ?? this.#streams.get(waits)?.at(0)
  }

  #begin(name: string, line: Line): void {
    if (line.path === '/v3/election/observe') {
      const request = requestOf(line) as LeaderRequest
      this.#streams.set(name, this.world.observe(new TextDecoder().decode(request.name)))
    } else {
      const call: Begun = { answer: undefined, gone: new AbortController() }
      this.#begun.set(name, call)
      void keepAnswer(call, answerTo(this.world, line, call.gone.signal))
    }
  }
}

async function keepAnswer(call: Begun, answer: Promise<Answer>): Promise<void> {
  call.answer = await answer
}

/** What `take` answers if all goes as recorded. */
export function recorded({ label, answered, lines, path = '', ...line }: Line): unknown {
  if (label !== undefined || answered !== undefined) {
    return { status: line.status, body: plainBody(path, line.response ?? '') }
  }
  return lines?.map((text) => plainBody('', text))
}

function lineOf({ keyspace }: World, { revision, kv }: News): unknown {
  const header = { ...keyspace.header(), revision }
  return plainBody('', encodeJsonResult(LeaderResponse, { header, kv }))
}

async function answerTo(world: World, line: Line, gone: AbortSignal): Promise<Answer> {
  const { path = '' } = line
  const type: MessageType<object> = rpcMethods[methodOf(line)].response
  try {
    const response = await respond(world, line, gone)
    return { status: 200, body: plainBody(path, encodeJson(type, response)) }
  } catch (error) {
    const refusal = error instanceof EngineError ? fromEngineError(error) : error
    if (!(refusal instanceof RpcStatus)) {
      throw error
    }
    return { status: httpStatus(refusal.code), body: plainBody(path, jsonErrorBody(refusal)) }
  }
}

function methodOf({ path = '' }: Line): MethodName {
  return (routes as Readonly<Record<string, MethodName>>)[path] ?? '/etcdserverpb.KV/Range'
}

function requestOf(line: Line): object {
  const type: MessageType<object> = rpcMethods[methodOf(line)].request
  return decodeJson(type, utf8(line.body ?? ''))
}

async function respond(world: World, line: Line, gone: AbortSignal): Promise<object> {
  const { keyspace, calls, clients } = world
  const request = requestOf(line)
  switch (methodOf(line)) {
    case '/v3lockpb.Lock/Lock':
      return calls.lock(clients, request as LockRequest, gone)
    case '/v3lockpb.Lock/Unlock':
      return unlock(clients.caller, request as UnlockRequest)
    case '/v3electionpb.Election/Campaign':
      return calls.campaign(clients, request as CampaignRequest, gone)
    case '/v3electionpb.Election/Proclaim':
      return proclaim(clients.caller, request as ProclaimRequest)
    case '/v3electionpb.Election/Leader':
      return leader(clients.caller, request as LeaderRequest)
    case '/v3electionpb.Election/Resign':
      return resign(clients.caller, request)
    case '/etcdserverpb.KV/Put':
      return put(keyspace, request as PutRequest, serverPrincipal)
    case '/etcdserverpb.KV/DeleteRange':
      return deleteRange(keyspace, request as DeleteRangeRequest, serverPrincipal)
    case '/etcdserverpb.KV/Txn':
      return txn(keyspace, request as TxnRequest, serverPrincipal)
    case '/etcdserverpb.Lease/LeaseGrant':
      return leaseGrant(keyspace, request as LeaseGrantRequest, {
        now: 0,
        principal: serverPrincipal,
      })
    case '/etcdserverpb.Lease/LeaseRevoke':
      return leaseRevoke(keyspace, request as LeaseRevokeRequest, serverPrincipal)
    case '/etcdserverpb.Maintenance/Alarm':
      return alarm(keyspace, request as AlarmRequest)
    default:
      return range(keyspace, request as RangeRequest).response
  }
}
