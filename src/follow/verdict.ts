import type { Standing } from './follower-events.ts'
import type { Frame, FrameState } from './frame.ts'

/** What a frame is to whoever stands there. */
export type Verdict =
  /** It comes next, and leads to `standing`; its state counts, or there is none. */
  | {
      readonly kind: 'next'
      readonly standing: Standing
      readonly state: boolean
      readonly compaction: boolean
    }
  /** Nothing of it is new. */
  | { readonly kind: 'had' }
  /** Something is missing before it. */
  | { readonly kind: 'early' }
  /** It is of an epoch that is over. */
  | { readonly kind: 'deposed' }

export type NextVerdict = Extract<Verdict, { readonly kind: 'next' }>

/**
 * `asked` is where the replica stood when it asked for the frame; undefined of one that is pushed. What is here and what
 * is in the frame may be of different epochs, or stays of the leader, which nobody can put in order. But where nothing
 * has come since it was asked for, the frame is the later one.
 */
export function verdictOn(frame: Frame, standing: Standing, asked: Standing | undefined): Verdict {
  const { epoch, from, to, compaction } = frame
  if (epoch < standing.epoch) {
    return { kind: 'deposed' }
  }
  const isLater = asked !== undefined && isSame(asked, standing)
  if ((epoch > standing.epoch && !isLater) || from > standing.revision + 1) {
    return { kind: 'early' }
  }
  if (to < standing.revision) {
    return { kind: 'had' }
  }
  const isCompacted = compaction.revision <= to
  if (frame.state === undefined) {
    // Pieces of the log, which is behind: the state is to come with the last one.
    return to === standing.revision || asked === undefined
      ? { kind: 'had' }
      : {
          kind: 'next',
          standing: { epoch, revision: to, state: undefined },
          state: false,
          compaction: isCompacted,
        }
  }
  const { position } = frame.state
  if (isNext(frame, frame.state, standing, isLater)) {
    const next = { epoch, revision: to, state: position }
    return { kind: 'next', standing: next, state: true, compaction: isCompacted }
  }
  return hasState(standing, epoch, position) ? { kind: 'had' } : { kind: 'early' }
}

/** Whether a frame's state follows from what is here. */
function isNext(
  { epoch }: Frame,
  { position, since }: FrameState,
  standing: Standing,
  isLater: boolean,
): boolean {
  const own = standing.state
  if (own === undefined) {
    return since === null
  }
  if (epoch === standing.epoch && own.incarnation === position.incarnation) {
    return position.seq > own.seq && (since === null || since === own.seq)
  }
  return since === null && isLater
}

/** Whether what is here has that state, or a later one of the same stay. */
export function hasState(
  { epoch, state }: Standing,
  ofEpoch: number,
  position: FrameState['position'],
): boolean {
  return (
    epoch === ofEpoch && state?.incarnation === position.incarnation && state.seq >= position.seq
  )
}

/** Whether nothing has come in between. */
export function isSame(one: Standing, other: Standing): boolean {
  return (
    one.epoch === other.epoch &&
    one.revision === other.revision &&
    one.state?.incarnation === other.state?.incarnation &&
    one.state?.seq === other.state?.seq
  )
}
