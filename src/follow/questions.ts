import type { LeaderPosition } from '../protocol/replica-rpc.ts'
import type { Standing } from './follower-events.ts'
import { hasState } from './verdict.ts'
import type { WaitingRead } from './waiting-reads.ts'

/** Reads that come within so many ms share a question. */
const SHARE_MS = 2
/** So many may be under way. */
const UNDER_WAY_MAX = 64
/** What is not answered within so many ms has failed. */
const QUESTION_MS = 2_000
/**
 * While somebody waits for an answer the next one is asked after so many ms: who was asked may have lost the question
 * with its memory, and nobody says so.
 */
const AGAIN_MS = 500
/** What the leader has told and is pushing is waited for so long, in ms, before it is pulled. */
const PUSH_MS = 100

export interface Question {
  readonly id: number
  /** When, and from where. */
  readonly asked: number
  readonly standing: Standing
  readonly follow: boolean
  /** They came before it was asked. */
  reads: readonly WaitingRead[]
  /** The leader's position after it was asked: who has that may answer. Undefined while it is under way. */
  target: LeaderPosition | undefined
  /** The answer is the first of another stay of the leader in memory. */
  isAnew: boolean
  /** When it is to be pulled, as soon as there is a target. */
  pullAt: number
}

/** Where the leader is, was asked: those under way, and those whose answer is not reached yet. */
export class Questions {
  readonly #all = new Map<number, Question>()
  /** They came behind the last question. */
  #unasked: WaitingRead[] = []
  /** One is to be asked also if nobody waits for it. */
  #isWanted = false
  #underWay = 0
  #lastAsked = -Infinity
  /** That of the last answer. */
  #incarnation: string | undefined

  wait(reads: readonly WaitingRead[]): void {
    this.#unasked.push(...reads)
  }

  want(): void {
    this.#isWanted = true
  }

  /** One is under way already. */
  get isUnderWay(): boolean {
    return this.#underWay > 0
  }

  underWay(id: number): Question | undefined {
    const question = this.#all.get(id)
    return question?.target === undefined ? question : undefined
  }

  /** When the next one may be asked; Infinity where none is to be. */
  get nextAt(): number {
    return this.#isDue && this.#underWay < UNDER_WAY_MAX ? this.#lastAsked + SHARE_MS : this.againAt
  }

  /** The same beside one that is under way and perhaps lost. */
  get againAt(): number {
    const isWaitedFor = this.#isDue || this.#isWaitedFor
    return isWaitedFor && this.#underWay < UNDER_WAY_MAX ? this.#lastAsked + AGAIN_MS : Infinity
  }

  get #isDue(): boolean {
    return this.#isWanted || this.#unasked.length > 0
  }

  get #isWaitedFor(): boolean {
    for (const { target, reads } of this.#all.values()) {
      if (target === undefined && reads.length > 0) {
        return true
      }
    }
    return false
  }

  ask(id: number, now: number, from: { standing: Standing; follow: boolean }): Question {
    const reads = this.#unasked
    this.#unasked = []
    this.#isWanted = false
    this.#lastAsked = now
    this.#underWay++
    const question: Question = {
      ...from,
      id,
      asked: now,
      reads,
      target: undefined,
      isAnew: false,
      pullAt: Infinity,
    }
    this.#all.set(id, question)
    return question
  }

  /** Of a question that is under way. Earlier ones that are, too, are answered by this one, and over. */
  answered(id: number, target: LeaderPosition, now: number): Question | undefined {
    const question = this.underWay(id)
    if (question === undefined) {
      return undefined
    }
    const reads: WaitingRead[] = []
    for (const earlier of this.#all.values()) {
      if (earlier.id < id && earlier.target === undefined) {
        reads.push(...earlier.reads)
        this.#underWay--
        this.#all.delete(earlier.id)
      }
    }
    question.reads = [...reads, ...question.reads]
    this.#underWay--
    question.target = target
    question.isAnew = this.#incarnation !== target.state.incarnation
    this.#incarnation = target.state.incarnation
    const { standing, follow } = question
    // Who follows from now on is pushed nothing of what was before.
    const isPushed =
      target.isPushing && !follow && standing.state?.incarnation === target.state.incarnation
    question.pullAt = isPushed ? now + PUSH_MS : now
    return question
  }

  /** Takes out the question. Undefined where it is over. */
  failed(id: number): Question | undefined {
    const question = this.underWay(id)
    if (question === undefined) {
      return undefined
    }
    this.#underWay--
    this.#all.delete(id)
    return question
  }

  /** Takes out those that nobody has answered in time. */
  takeLate(now: number): readonly Question[] {
    return [...this.#all.values()]
      .filter(({ target, asked }) => target === undefined && asked + QUESTION_MS <= now)
      .flatMap(({ id }) => this.failed(id) ?? [])
  }

  /** Takes out those whose answer is reached. */
  takeReached(standing: Standing): readonly Question[] {
    return this.#take(({ target }) => target !== undefined && isReached(target, standing))
  }

  /**
   * Those that were asked before a pull left, which has brought all that the leader has: their reads are taken from
   * those under way, too.
   */
  takeBefore(pull: number): readonly Question[] {
    const before = [...this.#all.values()].filter(({ id }) => id < pull)
    const taken = before.map((question) => ({ ...question }))
    before.forEach((question) => {
      question.reads = []
    })
    this.#take(({ id, target }) => id < pull && target !== undefined)
    return taken
  }

  /** Forgets all of them. */
  clear(): void {
    this.#all.clear()
    this.#unasked = []
    this.#underWay = 0
    this.#isWanted = false
  }

  /** When something is to be pulled for an answer that is not reached; Infinity where for none. */
  get pullAt(): number {
    return this.#soonest(({ pullAt }) => pullAt)
  }

  /** When the next one is late. */
  get lateAt(): number {
    return this.#soonest(({ asked, target }) =>
      target === undefined ? asked + QUESTION_MS : Infinity,
    )
  }

  #soonest(when: (question: Question) => number): number {
    let soonest = Infinity
    for (const question of this.#all.values()) {
      soonest = Math.min(soonest, when(question))
    }
    return soonest
  }

  #take(test: (question: Question) => boolean): readonly Question[] {
    const taken = [...this.#all.values()].filter(test)
    taken.forEach(({ id }) => this.#all.delete(id))
    return taken
  }
}

function isReached({ epoch, revision, state }: LeaderPosition, standing: Standing): boolean {
  return standing.revision >= revision && hasState(standing, epoch, state)
}
