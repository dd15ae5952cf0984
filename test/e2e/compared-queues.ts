// Two servers with the same queues: who waits at one waits at the other, for as long.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { comparableAnswer } from './comparable.ts'
import type { GrpcClient } from './grpc-client.ts'
import { askGrpc } from './grpc-requests.ts'
import { base64, type HttpAnswer, type Json, type JsonObject, parseObject } from './http.ts'
import type { Message } from './random-request.ts'
import { older } from './version-differences.ts'

/** The first is a lock, the other one an election. */
export const queues = ['l', 'e'] as const

export type Queue = (typeof queues)[number]

const settledMsMax = 20_000

/** Somebody who waits, at both servers. */
export interface Waiting {
  readonly queue: Queue
  readonly lease: number
  /** At which the key was created; the key may be gone since. */
  revision: number | undefined
  readonly answers: Promise<readonly [HttpAnswer, HttpAnswer]>
}

/** The leases that stand in a queue, with the revisions at which they came, in any order. */
type Standing = ReadonlyMap<string, number>

export class QueuePair {
  readonly #clients: readonly [GrpcClient, GrpcClient]
  /** The version of the second one. */
  readonly #version: string
  readonly waiting = new Set<Waiting>()

  constructor(clients: readonly [ours: GrpcClient, theirs: GrpcClient], version: string) {
    this.#clients = clients
    this.#version = version
  }

  ask(message: Message, deadlineMs?: number): Promise<readonly [HttpAnswer, HttpAnswer]> {
    const request = { ...message, body: '' }
    const [ours, theirs] = this.#clients
    return Promise.all([askGrpc(ours, request, deadlineMs), askGrpc(theirs, request, deadlineMs)])
  }

  /** Both answer the same, as told by the second one. */
  async same(message: Message): Promise<JsonObject> {
    const [ours, theirs] = await this.ask(message)
    const request = { ...message, body: '' }
    const tell = JSON.stringify(message)
    expectSame(comparableAnswer(request, ours), comparableAnswer(request, theirs), tell)
    return parseObject(theirs.body)
  }

  /** Who has left takes a moment to be gone: until then the servers may differ. */
  async standing(queue: Queue): Promise<Standing> {
    const path = '/v3/kv/range'
    const message = rangeOf(queue)
    const deadline = Date.now() + settledMsMax
    for (;;) {
      const [ours, theirs] = (await this.ask({ path, message })).map((answer) =>
        comparableAnswer({ path, message, body: '' }, answer),
      )
      const isSame = JSON.stringify(ours) === JSON.stringify(theirs)
      if (isSame || Date.now() > deadline) {
        expectSame(ours, theirs, queue)
        return standingIn(theirs?.body ?? null)
      }
      await sleep(10)
    }
  }

  /** Waits until somebody's key is there, before anybody else's. */
  async stands(waiting: Waiting): Promise<void> {
    const deadline = Date.now() + settledMsMax
    while (!(await this.standing(waiting.queue)).has(keyOf(waiting)) && Date.now() < deadline) {
      await sleep(5)
    }
  }

  /** Waits for those whose turn it is, and for no others. */
  async settle(): Promise<void> {
    for (const queue of queues) {
      const standing = await this.standing(queue)
      for (const waiting of this.waiting) {
        waiting.revision ??= waiting.queue === queue ? standing.get(keyOf(waiting)) : undefined
      }
      const next = [...this.waiting].find(
        ({ queue: its, revision }) =>
          its === queue && [...standing.values()].every((other) => other >= (revision ?? 0)),
      )
      if (next !== undefined) {
        await this.finish(next)
        await this.settle()
      }
    }
  }

  /** Whether somebody has waited in vain, and is gone from the queue. */
  async givesUp(waiting: Waiting): Promise<boolean> {
    const [, theirs] = await waiting.answers
    await this.finish(waiting)
    if (theirs.status !== 504) {
      return false
    }
    const deadline = Date.now() + settledMsMax
    while ((await this.standing(waiting.queue)).has(keyOf(waiting)) && Date.now() < deadline) {
      await sleep(10)
    }
    return true
  }

  async finish(waiting: Waiting): Promise<void> {
    const [ours, theirs] = await waiting.answers
    this.waiting.delete(waiting)
    // Older etcds give a lock to who has lost its place.
    if (older(this.#version, '3.5.0') && ours.body.includes('session is expired')) {
      return
    }
    expectSame(withoutRevision(ours), withoutRevision(theirs), keyOf(waiting))
  }
}

export function rangeOf(queue: Queue): JsonObject {
  return { key: base64(`${queue}/`), range_end: base64(`${queue}0`) }
}

function expectSame(ours: unknown, theirs: unknown, told: string): void {
  expect(ours, told).toEqual(theirs)
}

function standingIn(body: Json): Standing {
  const { kvs = [] } = body as { kvs?: readonly Readonly<Record<string, string>>[] }
  return new Map(
    kvs.map(({ key = '', create_revision: revision }) => [
      Buffer.from(key, 'base64').toString(),
      Number(revision),
    ]),
  )
}

export function keyOf({ queue, lease }: Pick<Waiting, 'queue' | 'lease'>): string {
  return `${queue}/${lease}`
}

/** Of two that come at once either may be the first to be answered. */
function withoutRevision({ status, body }: HttpAnswer): JsonObject {
  const { header: _, ...rest } = parseObject(body)
  return { status, ...rest }
}
