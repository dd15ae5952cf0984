import type { FeedRefusal, LeaderPosition } from '../protocol/replica-rpc.ts'
import { Backoff, FAILURES_UNREACHABLE } from './backoff.ts'
import { EarlyFrames } from './early-frames.ts'
import { CONTACT_MS, fallback, isBehind } from './fallback.ts'
import type { FollowerInput, FollowerOutput, ReadRequest, Standing } from './follower-events.ts'
import type { Frame } from './frame.ts'
import type { PullUnderWay } from './pull-under-way.ts'
import { type Question, Questions } from './questions.ts'
import { hasState, isSame, type NextVerdict, verdictOn } from './verdict.ts'
import { type WaitingRead, WaitingReads } from './waiting-reads.ts'

/** From then on the contact is renewed beside the reads that it still does for. */
const RENEW_MS = CONTACT_MS / 2
/** Frames are pushed for so many ms behind the last read. */
export const AWAKE_MS = 60_000
/** A pull that is not answered within so many ms has failed. */
const PULL_MS = 10_000

/**
 * The side of a replica in its protocol with the leader, without a clock: the driver tells what happens and when, and
 * does what is put out, in its order and at once.
 *
 * What is here is always what the leader had at one moment, log and state, but for `standing.state` undefined: then
 * nothing is answered. So nobody reads new values by old permissions, nor old values by new ones.
 */
export class Follower {
  #phase: 'copying' | 'following' | 'removed'
  #standing: Standing
  /** Nobody leads in an earlier one, as the directory has told. */
  #epochMin = 0
  /** All that the leader had acknowledged then is here. */
  #contact = -Infinity
  /** The epoch whose leader pushes, as far as is known; 0 for none. */
  #pushing = 0
  /** Something was pushed for which there was no room. */
  #hasLost = false
  #lastRead = -Infinity
  /** As it was at the last input: while it is not, there is nothing to wake up for. */
  #wasAwake = false
  #open = 0
  /** Questions and pulls, in the order in which they left. */
  #requests = 0
  #pull: PullUnderWay | undefined
  readonly #early = new EarlyFrames()
  readonly #questions = new Questions()
  readonly #reads = new WaitingReads()
  /** Nothing but the revision that they want is missing. */
  #ahead: WaitingRead[] = []
  readonly #backoff = new Backoff()
  #out: FollowerOutput[] = []

  /** Of an object that comes into memory: what it has stored; undefined where it has nothing, and copies first. */
  constructor(standing: Standing | undefined) {
    this.#phase = standing === undefined ? 'copying' : 'following'
    this.#standing = standing ?? { epoch: 0, revision: 0, state: undefined }
  }

  /** What is here. */
  get standing(): Standing {
    return this.#standing
  }

  /** When all that the leader had acknowledged was here; −Infinity for never since it came into memory. */
  get contact(): number {
    return this.#contact
  }

  /** Whether the leader was not to be reached when it was asked last. */
  get isCutOff(): boolean {
    return this.#backoff.isUnreachable
  }

  /** Whether frames are to be pushed. */
  isAwake(now: number): boolean {
    const isRead = now - this.#lastRead < AWAKE_MS || this.#open > 0 || !this.#reads.isEmpty
    return this.#phase === 'following' && isRead
  }

  /** When `tick` is to come at the latest; Infinity for never. Each input may change it. */
  get wakeAt(): number {
    if (this.#phase !== 'following') {
      return this.#reads.soonest
    }
    const { pullAt, lateAt } = this.#questions
    const retryAt = this.#backoff.nextTry(!this.#reads.isEmpty)
    const pulls = this.#wasAwake ? Math.max(this.#pullAt(pullAt), retryAt) : Infinity
    return Math.min(
      this.#reads.soonest,
      lateAt,
      Math.max(this.#askAt(), retryAt),
      this.#pull === undefined ? pulls : this.#pull.sent + PULL_MS,
    )
  }

  take(input: FollowerInput, now: number): readonly FollowerOutput[] {
    this.#out = []
    this.#hear(input, now)
    this.#proceed(now)
    return this.#out
  }

  #hear(input: FollowerInput, now: number): void {
    switch (input.kind) {
      case 'pushed':
        return this.#pushed(input.frame, now)
      case 'pulled':
        return input.more === true
          ? this.#pulledPart(input.pull, input.frame)
          : this.#pulled(input.pull, input.frame, now)
      case 'filled':
        return this.#pulledPart(input.fill, input.frame)
      case 'fill-ended':
        return this.#fillEnded(input.fill, input.isUseless === true)
      case 'asked':
        return this.#asked(input.question, input.leader, input.frame, now)
      case 'refused':
        return this.#refused(input.of, input.id, input.refusal, now)
      case 'failed':
        return this.#failed(input.of, input.id, now)
      case 'led':
        return this.#led(input.epoch)
      case 'copied':
        return this.#copied(input.standing)
      case 'read':
        return this.#read(input, now)
      case 'gone':
        return this.#reads.delete(input.id)
      case 'open':
        this.#open = input.count
        return input.count > 0 ? this.#requireFollowed() : undefined
      case 'tick':
    }
  }

  /** What is due by now, whatever has happened. */
  #proceed(now: number): void {
    for (const { id } of this.#reads.takeLate(now)) {
      this.#out.push({ kind: 'refuse', id, why: this.isCutOff ? 'unreachable' : 'timeout' })
    }
    if (this.#phase !== 'following') {
      return
    }
    for (const question of this.#questions.takeLate(now)) {
      this.#unanswered(question, FAILURES_UNREACHABLE, now)
    }
    this.#wasAwake = this.isAwake(now)
    if (this.#pull !== undefined && now >= this.#pull.sent + PULL_MS) {
      this.#failed('pull', this.#pull.id, now)
    }
    if (now < this.#backoff.nextTry(!this.#reads.isEmpty)) {
      return
    }
    if (now >= this.#askAt()) {
      const id = ++this.#requests
      const follow = !this.#isPushedTo
      const standing = this.#standing
      this.#questions.ask(id, now, { standing, follow })
      this.#out.push({ kind: 'ask', question: id, follow, standing })
    }
    const pullAt = this.#pullAt(this.#questions.pullAt)
    if (this.#pull === undefined && this.#wasAwake && now >= pullAt) {
      const standing = this.#standing
      this.#pull = { id: ++this.#requests, sent: now, standing }
      this.#hasLost = false
      this.#out.push({ kind: 'pull', pull: this.#pull.id, standing })
    }
  }

  /** While it is not known whether the leader can be reached, one question at a time finds out. */
  #askAt(): number {
    const isTrying = this.#backoff.failures > 0 && this.#questions.isUnderWay
    return isTrying ? this.#questions.againAt : this.#questions.nextAt
  }

  /** When something is to be pulled: at once for what is missing. */
  #pullAt(forQuestions: number): number {
    const isMissing = this.#standing.state === undefined || !this.#early.isEmpty || this.#hasLost
    return isMissing ? -Infinity : forQuestions
  }

  get #isPushedTo(): boolean {
    return this.#pushing === this.#standing.epoch
  }

  #pushed(frame: Frame, now: number): void {
    if (this.#phase !== 'following' || this.#isOver(frame.epoch)) {
      return
    }
    this.#backoff.heard()
    if (!this.isAwake(now)) {
      // The answer tells the leader so.
      this.#pushing = 0
    }
    const verdict = verdictOn(frame, this.#standing, undefined)
    if (verdict.kind === 'next') {
      this.#apply(frame, verdict)
    } else if (verdict.kind === 'early' && this.isAwake(now)) {
      this.#hasLost = !this.#early.add(frame, this.#requests) || this.#hasLost
    }
  }

  #pulled(pull: number, frame: Frame, now: number): void {
    const asked = this.#pull
    if (asked?.id !== pull) {
      return
    }
    this.#pull = undefined
    const isNew = this.#brought(frame, asked)
    const isAll =
      frame.state !== undefined && hasState(this.#standing, frame.epoch, frame.state.position)
    if (isNew || isAll) {
      this.#backoff.succeeded()
    } else {
      this.#hasFailed(asked.sent, now)
    }
    if (isAll) {
      this.#early.dropBefore(pull)
      this.#contact = Math.max(this.#contact, asked.sent)
      this.#questions.takeBefore(pull).forEach((question) => this.#resolve(question))
      if (isNew && this.isAwake(now)) {
        // The leader has heard of what was here before: the question tells it.
        this.#questions.want()
      }
    }
    this.#settle()
  }

  /** The rest is here as well: nothing else is pulled meanwhile. */
  #pulledPart(pull: number, frame: Frame): void {
    const asked = this.#pull
    if (asked?.id === pull && this.#brought(frame, asked)) {
      this.#pull = { ...asked, standing: this.#standing }
    }
  }

  /** The leader's log does not reach back to what is here: nothing is pulled while the archive tells of it. */
  #gap(epoch: number): void {
    const fill = ++this.#requests
    const { revision: after } = this.#standing
    this.#pull = { id: fill, sent: Infinity, standing: this.#standing, after }
    this.#out.push({ kind: 'fill', fill, epoch, after })
  }

  /** What is still missing is pulled. Where nothing has come, nothing will. */
  #fillEnded(fill: number, isUseless: boolean): void {
    const asked = this.#pull
    if (asked?.id === fill) {
      this.#pull = undefined
      if (isUseless || this.#standing.revision === asked.after) {
        this.#copy()
      }
    }
  }

  #asked(id: number, leader: LeaderPosition, frame: Frame | undefined, now: number): void {
    if (this.#questions.underWay(id) !== undefined && this.#isOver(leader.epoch)) {
      return this.#deposed('question', id, now)
    }
    const question = this.#questions.answered(id, leader, now)
    if (question === undefined) {
      return
    }
    this.#backoff.succeeded()
    if (question.isAnew && this.#pull !== undefined && this.#pull.id < id) {
      // Who was asked to send it has lost that with its memory.
      this.#pull = undefined
    }
    this.#pushing = leader.isPushing ? leader.epoch : 0
    if (this.#open > 0 && !question.follow) {
      this.#requireFollowed()
    }
    if (frame !== undefined) {
      this.#brought(frame, question)
    }
    this.#settle()
  }

  /** A frame that was asked for. Answers whether something of it is new. */
  #brought(frame: Frame, { standing }: Pick<PullUnderWay, 'standing'>): boolean {
    const verdict = verdictOn(frame, this.#standing, standing)
    if (verdict.kind === 'next') {
      this.#apply(frame, verdict)
    }
    return verdict.kind === 'next'
  }

  #isOver(epoch: number): boolean {
    return epoch < this.#standing.epoch || epoch < this.#epochMin
  }

  #apply(frame: Frame, verdict: NextVerdict): void {
    const { standing, state, compaction } = verdict
    const { revision: after, epoch } = this.#standing
    this.#standing = standing
    if (standing.epoch > epoch && this.#open > 0) {
      this.#requireFollowed()
    }
    this.#out.push({ kind: 'apply', frame, after, state, compaction, standing })
    const next = this.#early.next(standing)
    if (next !== undefined) {
      return this.#apply(next.frame, next.verdict)
    }
    this.#settle()
  }

  /** Answers those who have waited for what is here now. */
  #settle(): void {
    for (const question of this.#questions.takeReached(this.#standing)) {
      this.#resolve(question)
    }
    if (this.#standing.state !== undefined) {
      const ahead = this.#ahead
      this.#ahead = []
      this.#answer(ahead)
    }
  }

  #resolve({ reads, asked }: Question): void {
    this.#contact = Math.max(this.#contact, asked)
    this.#answer(reads)
  }

  #answer(reads: readonly WaitingRead[]): void {
    for (const read of reads) {
      if (!this.#reads.has(read)) {
        continue
      }
      if (isBehind(read, this.#standing.revision)) {
        this.#ahead.push(read)
      } else {
        this.#reads.delete(read.id)
        this.#out.push({ kind: 'answer', id: read.id })
      }
    }
  }

  #refused(of: 'question' | 'pull', id: number, refusal: FeedRefusal, now: number): void {
    const request = of === 'pull' ? this.#pull : this.#questions.underWay(id)
    if (request?.id !== id) {
      return
    }
    if (this.#isOver(refusal.epoch)) {
      return this.#deposed(of, id, now)
    }
    switch (refusal.refused) {
      case 'diverged':
        return request.standing.epoch === this.#standing.epoch
          ? this.#copy()
          : this.#failed(of, id, now)
      case 'compacted':
        // Or more has come meanwhile.
        return isSame(request.standing, this.#standing)
          ? this.#gap(refusal.epoch)
          : this.#failed(of, id, now)
      case 'removed':
        this.#phase = 'removed'
        this.#out.push({ kind: 'removed' })
        for (const { id: read } of this.#reads.all) {
          this.#out.push({ kind: 'refuse', id: read, why: 'unreachable' })
        }
        this.#reads.clear()
        return this.#forget()
      case 'deposed':
        return this.#deposed(of, id, now)
    }
  }

  /** Who was asked leads no more. */
  #deposed(of: 'question' | 'pull', id: number, now: number): void {
    this.#findLeader()
    return this.#failed(of, id, now)
  }

  #copy(): void {
    this.#phase = 'copying'
    this.#forget()
    this.#questions.wait(this.#reads.all)
    this.#out.push({ kind: 'copy' })
  }

  /** Nothing that is under way counts any more. */
  #forget(): void {
    this.#pull = undefined
    this.#pushing = 0
    this.#contact = -Infinity
    this.#questions.clear()
    this.#ahead = []
    this.#early.clear()
    this.#hasLost = false
  }

  /** What the former leader was asked, the next one is. */
  #led(epoch: number): void {
    this.#epochMin = Math.max(this.#epochMin, epoch)
    if (this.#phase !== 'following') {
      return
    }
    this.#pushing = 0
    this.#pull = undefined
    this.#ahead = []
    this.#questions.clear()
    this.#questions.wait(this.#reads.all)
    this.#backoff.succeeded()
    if (this.#open > 0) {
      this.#questions.want()
    }
  }

  #copied(standing: Standing): void {
    if (this.#phase === 'copying') {
      this.#phase = 'following'
      this.#standing = standing
      this.#backoff.succeeded()
      if (this.#open > 0) {
        this.#requireFollowed()
      }
    }
  }

  #failed(of: 'question' | 'pull', id: number, now: number): void {
    const question = of === 'question' ? this.#questions.failed(id) : undefined
    if (question !== undefined) {
      this.#unanswered(question, 1, now)
    } else if (of === 'pull' && this.#pull?.id === id) {
      const { sent } = this.#pull
      this.#pull = undefined
      this.#hasFailed(sent, now)
    }
  }

  /** Those who may be answered all the same are; those who may not are refused; the others ask again. */
  #unanswered({ reads, asked }: Question, failures: number, now: number): void {
    this.#hasFailed(asked, now, failures)
    if (this.#open > 0) {
      this.#requireFollowed()
    }
    for (const read of reads) {
      const instead = this.isCutOff ? this.#fallback(read, now) : 'ask'
      if (!this.#reads.has(read)) {
        continue
      }
      if (instead === 'ask') {
        this.#questions.wait([read])
      } else {
        this.#reads.delete(read.id)
        this.#out.push(instead)
      }
    }
  }

  #hasFailed(sent: number, now: number, failures = 1): void {
    this.#backoff.failed(now, sent, failures)
    if (this.isCutOff) {
      this.#findLeader()
    }
  }

  #findLeader(): void {
    if (!this.#out.some(({ kind }) => kind === 'find-leader')) {
      this.#out.push({ kind: 'find-leader' })
    }
  }

  #read(request: ReadRequest, now: number): void {
    this.#lastRead = now
    if (this.#phase === 'removed') {
      this.#out.push({ kind: 'refuse', id: request.id, why: 'unreachable' })
      return
    }
    const age = now - this.#contact
    const isHere = this.#phase === 'following' && this.#standing.state !== undefined
    const isDone = request.level === 'serializable' && !isBehind(request, this.#standing.revision)
    if (isDone && isHere && age <= CONTACT_MS) {
      if (age > RENEW_MS && !this.#questions.isUnderWay) {
        this.#questions.want()
      }
      this.#out.push({ kind: 'answer', id: request.id })
      return
    }
    const instead = this.isCutOff ? this.#fallback(request, now) : 'ask'
    if (instead !== 'ask') {
      this.#questions.want()
      this.#out.push(instead)
      return
    }
    this.#questions.wait([this.#reads.add(request, now)])
  }

  #fallback(request: ReadRequest, now: number): FollowerOutput | 'ask' {
    const standing = this.#phase === 'following' ? this.#standing : undefined
    return fallback(request, standing, now - this.#contact)
  }

  /** Who has something open hears of changes, also if nobody reads. */
  #requireFollowed(): void {
    if (!this.#isPushedTo) {
      this.#questions.want()
    }
  }
}
