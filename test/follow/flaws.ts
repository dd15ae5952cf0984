import type { Flaw } from './broken-follower.ts'

/** Followers that are wrong, in a line or a few: the simulation is to see it. */
export const flaws: readonly Flaw[] = [
  {
    name: 'looks at no epoch',
    edits: [
      { file: 'verdict.ts', text: 'if (epoch < standing.epoch) {', instead: 'if (epoch < 0) {' },
      { file: 'verdict.ts', text: '(epoch > standing.epoch && !isLater) || ', instead: '' },
      {
        file: 'verdict.ts',
        text: 'epoch === standing.epoch && own.incarnation',
        instead: 'own.incarnation',
      },
      {
        file: 'verdict.ts',
        text: 'return since === null && isLater',
        instead: 'return since === null',
      },
      {
        file: 'follower.ts',
        text: 'return epoch < this.#standing.epoch || epoch < this.#epochMin',
        instead: 'return epoch < 0 && this.#epochMin > 0',
      },
    ],
  },
  {
    name: 'passes over a gap',
    edits: [
      { file: 'verdict.ts', text: ' || from > standing.revision + 1', instead: '' },
      { file: 'verdict.ts', text: '(since === null || since === own.seq)', instead: 'true' },
    ],
  },
  {
    name: 'applies a compaction before it has what is compacted',
    edits: [
      {
        file: 'verdict.ts',
        text: 'const isCompacted = compaction.revision <= to',
        instead: 'const isCompacted = compaction.revision > -2',
      },
    ],
  },
  {
    name: 'takes the state of a frame though one before it is missing',
    edits: [{ file: 'verdict.ts', text: '(since === null || since === own.seq)', instead: 'true' }],
  },
  {
    name: 'takes a state that is older than its own',
    edits: [{ file: 'verdict.ts', text: 'position.seq > own.seq && ', instead: '' }],
  },
  {
    name: 'takes the state of an earlier revision',
    edits: [
      { file: 'verdict.ts', text: 'if (to < standing.revision) {', instead: 'if (to < 0) {' },
    ],
  },
  {
    name: 'answers before it has the revision',
    edits: [
      {
        file: 'questions.ts',
        text: 'return standing.revision >= revision && hasState(standing, epoch, state)',
        instead: 'return revision >= 0 || hasState(standing, epoch, state)',
      },
    ],
  },
  {
    name: 'answers before it has the state',
    edits: [
      {
        file: 'questions.ts',
        text: 'return standing.revision >= revision && hasState(standing, epoch, state)',
        instead: 'return standing.revision >= revision || hasState(standing, epoch, state)',
      },
    ],
  },
  {
    name: 'answers a read by a question from before it came',
    edits: [
      {
        file: 'questions.ts',
        text: '    this.#unasked.push(...reads)\n',
        instead: `    const last = [...this.#all.values()].at(-1)
    if (last !== undefined && last.target === undefined) {
      last.reads = [...last.reads, ...reads]
    } else {
      this.#unasked.push(...reads)
    }
`,
      },
    ],
  },
  {
    name: 'answers a read by a pull from before it came',
    edits: [
      {
        file: 'questions.ts',
        text: 'const before = [...this.#all.values()].filter(({ id }) => id < pull)',
        instead: 'const before = [...this.#all.values()]',
      },
    ],
  },
  {
    name: 'takes an answer for contact before it has what that tells of',
    edits: [
      {
        file: 'follower.ts',
        text: '    this.#pushing = leader.isPushing ? leader.epoch : 0\n',
        instead: `    this.#pushing = leader.isPushing ? leader.epoch : 0
    this.#contact = now
`,
      },
    ],
  },
  {
    name: 'takes the leader for reachable for ever',
    edits: [
      {
        file: 'follower.ts',
        text: 'if (isDone && isHere && age <= CONTACT_MS) {',
        instead: 'if (isDone && isHere) {',
      },
    ],
  },
  {
    name: 'answers while the log is ahead of the state',
    edits: [
      {
        file: 'follower.ts',
        text: "const isHere = this.#phase === 'following' && this.#standing.state !== undefined",
        instead: "const isHere = this.#phase === 'following'",
      },
    ],
  },
  {
    name: 'does not wait for the revision that a read wants',
    edits: [
      {
        file: 'fallback.ts',
        text: 'return revision < minRevision',
        instead: 'return revision < 0 && minRevision > 0',
      },
    ],
  },
  {
    name: 'lets a read wait for ever',
    edits: [
      {
        file: 'waiting-reads.ts',
        text: 'return this.isEmpty ? Infinity : this.#soonest',
        instead: 'return this.isEmpty ? this.#soonest : Infinity',
      },
    ],
  },
  {
    name: 'waits for ever for an answer that was lost',
    edits: [
      {
        file: 'questions.ts',
        text: 'const QUESTION_MS = 2_000',
        instead: 'const QUESTION_MS = Infinity',
      },
      {
        file: 'questions.ts',
        text: 'const AGAIN_MS = 500',
        instead: 'const AGAIN_MS = Infinity',
      },
    ],
  },
  {
    name: 'does not ask for what is missing',
    edits: [
      {
        file: 'follower.ts',
        text: 'return isMissing ? -Infinity : forQuestions',
        instead: 'return isMissing ? Infinity : forQuestions',
      },
    ],
  },
  {
    name: 'never sleeps',
    edits: [
      {
        file: 'follower.ts',
        text: "return this.#phase === 'following' && isRead",
        instead: "return this.#phase === 'following' || isRead",
      },
    ],
  },
  {
    name: 'does not follow when it wakes',
    edits: [
      {
        file: 'follower.ts',
        text: 'const follow = !this.#isPushedTo\n',
        instead: 'const follow = false\n',
      },
    ],
  },
  {
    name: 'keeps its state while the log comes in pieces',
    edits: [
      {
        file: 'verdict.ts',
        text: 'standing: { epoch, revision: to, state: undefined },',
        instead: 'standing: { epoch, revision: to, state: standing.state },',
      },
    ],
  },
  {
    name: 'does not tell the leader what it has pulled',
    edits: [
      {
        file: 'follower.ts',
        text: 'if (isNew && this.isAwake(now)) {',
        instead: 'if (isNew && now < 0) {',
      },
    ],
  },
  {
    name: 'waits for more of an archive that has ended',
    edits: [
      {
        file: 'follower.ts',
        text: `    if (asked?.id === fill) {
      this.#pull = undefined
`,
        instead: `    if (asked?.id === fill) {
`,
      },
    ],
  },
]
