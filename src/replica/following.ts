import { ArchiveDamage } from '../archive/archive-damage.ts'
import type { Region } from '../config/region.ts'
import type {
  FollowerInput,
  FollowerOutput,
  ReadRequest,
  Standing,
} from '../follow/follower-events.ts'
import type { Follower } from '../follow/follower.ts'
import { partsOf } from '../follow/frame-parts.ts'
import { decodeFrame, type Frame } from '../follow/frame.ts'
import { BrokenHistory } from '../mvcc/restore.ts'
import type { FeedRefusal, Pushed } from '../protocol/replica-rpc.ts'
import { isRefused } from '../protocol/shard-rpc.ts'
import { type RpcStatus, statusOf } from '../protocol/status.ts'
import { nextTurn } from '../shard/commit.ts'
import type { Gap } from './archived-log.ts'
import type { LeaderClient } from './leader-client.ts'

/** What is pulled at once. */
const PULL_BYTES = 1024 * 1024

export type Application = Extract<FollowerOutput, { readonly kind: 'apply' }>

/** What following comes to. */
export interface FollowingParts {
  readonly follower: Follower
  readonly leader: LeaderClient
  readonly region: Region
  /** That of the v2 store, if it is known. */
  v2Index(): number | undefined
  /** Writes it, and tells watchers. Throws BrokenHistory or ArchiveDamage for what does not follow from what is here. */
  apply(application: Application): void
  /** What an archive has of the log. Throws where it cannot be read. */
  archived(gap: Gap): AsyncIterable<Frame>
  /** What is here is to be copied anew. */
  copy(): void
  /** The leader knows no such replica. */
  removed(): void
}

/** Somebody waits to read. */
interface Waiting {
  settled: 'no' | 'yes' | RpcStatus
  resolve: () => void
  reject: (error: RpcStatus) => void
}

/** Drives the follower: it has the clock, the timer, and the way to the leader. */
export class Following {
  readonly #parts: FollowingParts
  readonly #follower: Follower
  readonly #waiting = new Map<number, Waiting>()
  #reads = 0
  #timer: number | null = null
  #timerAt = Infinity
  #ended = false

  constructor(parts: FollowingParts) {
    this.#parts = parts
    this.#follower = parts.follower
  }

  get standing(): Standing {
    return this.#follower.standing
  }

  /** In ms since 1970; −Infinity for never. */
  get contact(): number {
    return this.#follower.contact
  }

  /** Whether the leader was not to be reached when it was asked last. */
  get isCutOff(): boolean {
    return this.#follower.isCutOff
  }

  get isAwake(): boolean {
    return this.#follower.isAwake(Date.now())
  }

  /** Resolves when it may be read, or is undefined where that is now. Rejects with an RpcStatus. */
  read(request: Omit<ReadRequest, 'id'>): Promise<void> | undefined {
    const id = ++this.#reads
    const waiting: Waiting = {
      settled: 'no',
      resolve: () => undefined,
      reject: () => undefined,
    }
    this.#waiting.set(id, waiting)
    this.#take({ ...request, kind: 'read', id })
    if (waiting.settled === 'yes') {
      return undefined
    }
    return waiting.settled === 'no'
      ? new Promise((resolve, reject) => Object.assign(waiting, { resolve, reject }))
      : Promise.reject(waiting.settled)
  }

  /** So many sessions are open. */
  open(count: number): void {
    this.#take({ kind: 'open', count })
  }

  /** Another one leads, or in another epoch. */
  led(epoch: number): void {
    this.#take({ kind: 'led', epoch })
  }

  /** The leader has pushed a frame. */
  pushed(bytes: Uint8Array): Pushed {
    const frame = frameIn(bytes)
    if (frame !== undefined) {
      this.#take({ kind: 'pushed', frame })
    }
    return { ...this.#follower.standing, isAwake: this.isAwake }
  }

  /** Nobody is answered any more. */
  end(): void {
    this.#ended = true
    clearTimeout(this.#timer)
    for (const { reject } of this.#waiting.values()) {
      reject(statusOf('no-leader'))
    }
    this.#waiting.clear()
  }

  #take(input: FollowerInput): void {
    if (this.#ended) {
      return
    }
    for (const output of this.#follower.take(input, Date.now())) {
      this.#carryOut(output)
    }
    this.#arm()
  }

  #carryOut(output: FollowerOutput): void {
    switch (output.kind) {
      case 'apply':
        return this.#apply(output)
      case 'pull':
        return void this.#pull(output.pull, output.standing)
      case 'ask':
        return void this.#ask(output)
      case 'fill':
        return void this.#fill(output)
      case 'copy':
        return this.#parts.copy()
      case 'find-leader':
        return void this.#parts.leader.find().catch(ignored)
      case 'removed':
        return this.#parts.removed()
      case 'answer':
        return this.#settle(output.id, 'yes')
      case 'refuse':
        return this.#settle(output.id, statusOf(output.why === 'timeout' ? 'timeout' : 'no-leader'))
    }
  }

  #apply(application: Application): void {
    try {
      this.#parts.apply(application)
    } catch (error) {
      if (!(error instanceof BrokenHistory || error instanceof ArchiveDamage)) {
        throw error
      }
      // oxlint-disable-next-line no-console -- a Durable Object's log is its console
      console.error(error)
      this.end()
      this.#parts.copy()
    }
  }

  #settle(id: number, outcome: 'yes' | RpcStatus): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) {
      return
    }
    this.#waiting.delete(id)
    waiting.settled = outcome
    if (outcome === 'yes') {
      waiting.resolve()
    } else {
      waiting.reject(outcome)
    }
  }

  async #pull(pull: number, { epoch, revision, state }: Standing): Promise<void> {
    const failed = { kind: 'failed', of: 'pull', id: pull } as const
    try {
      const answer = await this.#parts.leader.stub.pull({
        region: this.#parts.region,
        epoch,
        after: revision,
        state,
        v2: this.#parts.v2Index(),
        bytesMax: PULL_BYTES,
      })
      if ('refused' in answer) {
        this.#refused('pull', pull, answer)
        return
      }
      const frame = frameIn(answer.frame)
      if (frame === undefined) {
        this.#take(failed)
      } else if (this.standing.state === undefined) {
        await this.#pulledInParts(pull, frame)
      } else {
        this.#take({ kind: 'pulled', pull, frame })
      }
    } catch {
      this.#take(failed)
    }
  }

  /** Who has the log without the state answers nobody yet, so what is long is written turn by turn. */
  async #pulledInParts(pull: number, frame: Frame): Promise<void> {
    for (const { part, isLast } of partsOf(frame)) {
      this.#take({ kind: 'pulled', pull, frame: part, more: !isLast })
      if (!isLast) {
        await nextTurn()
      }
    }
  }

  /** As long as what comes is new. What of it is written does no harm if the rest cannot be read: nobody is answered. */
  async #fill({ fill, ...gap }: Extract<FollowerOutput, { readonly kind: 'fill' }>): Promise<void> {
    let isUseless = false
    try {
      for await (const frame of this.#parts.archived(gap)) {
        for (const { part } of partsOf(frame)) {
          this.#take({ kind: 'filled', fill, frame: part })
          await nextTurn()
        }
        if (this.#ended || this.standing.revision < frame.to) {
          break
        }
      }
    } catch (error) {
      // oxlint-disable-next-line no-console -- a Durable Object's log is its console
      console.warn(`what is missing was not read from the archive: ${String(error)}`)
      isUseless = true
    }
    this.#take({ kind: 'fill-ended', fill, isUseless })
  }

  async #ask(output: Extract<FollowerOutput, { readonly kind: 'ask' }>): Promise<void> {
    const { question, follow, standing } = output
    const { region, leader } = this.#parts
    const { epoch, revision, state } = standing
    const v2 = this.#parts.v2Index()
    try {
      const answer = follow
        ? await leader.stub.follow({ region, epoch, revision, state })
        : await leader.stub.readIndex({ region, epoch, revision, state, v2 })
      if ('refused' in answer) {
        this.#refused('question', question, answer)
        return
      }
      const frame = 'frame' in answer ? frameIn(answer.frame as Uint8Array) : undefined
      this.#take({ kind: 'asked', question, leader: answer, frame })
    } catch {
      this.#take({ kind: 'failed', of: 'question', id: question })
    }
  }

  /** An object that is no leader answers as a shard does that is none. */
  #refused(of: 'question' | 'pull', id: number, refusal: FeedRefusal): void {
    const isNoLeader = isRefused(refusal) && typeof refusal.refused !== 'string'
    this.#take(isNoLeader ? { kind: 'failed', of, id } : { kind: 'refused', of, id, refusal })
  }

  /** A timer that is too early goes off in vain. */
  #arm(): void {
    const { wakeAt } = this.#follower
    if (wakeAt === Infinity) {
      clearTimeout(this.#timer)
      this.#timer = null
      this.#timerAt = Infinity
    } else if (wakeAt < this.#timerAt) {
      clearTimeout(this.#timer)
      this.#timerAt = wakeAt
      this.#timer = setTimeout(() => this.#tick(), Math.max(0, wakeAt - Date.now()))
    }
  }

  #tick(): void {
    this.#timer = null
    this.#timerAt = Infinity
    this.#take({ kind: 'tick' })
  }
}

/** Undefined for what has been damaged on its way. */
function frameIn(bytes: Uint8Array): Frame | undefined {
  try {
    return decodeFrame(bytes)
  } catch (error) {
    if (error instanceof ArchiveDamage) {
      return undefined
    }
    throw error
  }
}

/** The directory is asked again. */
function ignored(): void {}
