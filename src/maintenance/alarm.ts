import { numberOf, type Sql, textOf } from '../mvcc/sql.ts'

export const AlarmType = { NONE: 0, NOSPACE: 1, CORRUPT: 2 } as const
export const AlarmAction = { GET: 0, ACTIVATE: 1, DEACTIVATE: 2 } as const

/** `memberID` is a uint64; `alarm` an AlarmType, or a number that etcd gives no name. */
export interface AlarmMember {
  readonly memberID: bigint
  readonly alarm: number
}

export interface AlarmRequest extends AlarmMember {
  readonly action: number
}

const SELECT_ALARMS = 'SELECT member_id, type FROM alarm'
const INSERT_ALARM = 'INSERT INTO alarm (member_id, type) VALUES (?, ?)'
const DELETE_ALARM = 'DELETE FROM alarm WHERE member_id = ? AND type = ?'

/**
 * The alarms that stand (server/etcdserver/api/v3alarm). They stay until a client disarms them,
 * whatever becomes of their cause; one that is `passing` goes with its cause. Each change is one statement, and memory follows it; whoever
 * rolls a larger transaction back goes on with a new AlarmStore.
 */
export class AlarmStore {
  readonly #sql: Sql
  readonly #members = new Map<number, Set<bigint>>()
  readonly #disarmed = new Map<string, AlarmMember>()
  /** Counts what is written of them: whoever has seen all at one number need not look again. */
  changes = 0
  /** One that stands for now, is not stored, and is not disarmed by anybody. */
  passing: AlarmMember | undefined

  constructor(sql: Sql) {
    this.#sql = sql
    this.#read()
  }

  #read(): void {
    for (const [memberID, type] of this.#sql.all(SELECT_ALARMS)) {
      this.#membersWith(numberOf(type)).add(BigInt(textOf(memberID)))
    }
  }

  /** Another one has written. */
  reread(): void {
    const before = this.stored()
    this.#members.clear()
    this.#read()
    for (const alarm of before) {
      if (!this.#stands(alarm.memberID, alarm.alarm)) {
        this.#disarmed.set(`${alarm.alarm} ${alarm.memberID}`, alarm)
      }
    }
    this.stored().forEach(({ alarm, memberID }) => this.#disarmed.delete(`${alarm} ${memberID}`))
    this.changes++
  }

  /**
   * The Alarm RPC: the alarms that it answers. GET filters by type alone, whatever member is given;
   * an action that etcd does not know (it crashes etcd) does nothing here.
   */
  alarm(request: AlarmRequest): readonly AlarmMember[] {
    switch (request.action) {
      case AlarmAction.GET:
        return this.get(request.alarm)
      case AlarmAction.ACTIVATE:
        return this.activate(request)
      case AlarmAction.DEACTIVATE:
        return this.deactivate(request)
      default:
        return []
    }
  }

  /** Those of a type, NONE being every type, in the order of types and then of members. */
  get(type: number): readonly AlarmMember[] {
    const { passing } = this
    const isStored = passing !== undefined && this.#stands(passing.memberID, passing.alarm)
    return [...this.#members]
      .flatMap(([alarm, members]) => [...members].map((memberID) => ({ memberID, alarm })))
      .concat(passing === undefined || isStored ? [] : [passing])
      .filter(({ alarm }) => type === AlarmType.NONE || alarm === type)
      .toSorted((a, b) => a.alarm - b.alarm || (a.memberID < b.memberID ? -1 : 1))
  }

  /** Those that are stored, in the same order. */
  stored(): readonly AlarmMember[] {
    return this.get(AlarmType.NONE).filter(({ memberID, alarm }) => this.#stands(memberID, alarm))
  }

  /** Those that have stood since this was opened, and do no more. */
  disarmed(): readonly AlarmMember[] {
    return [...this.#disarmed.values()]
  }

  /** Whether any member raises it. */
  raised(type: number): boolean {
    return this.passing?.alarm === type || (this.#members.get(type)?.size ?? 0) > 0
  }

  /** Answers the alarm, also when it stood already; NONE is no alarm, and nothing is answered. */
  activate({ memberID, alarm }: AlarmMember): readonly AlarmMember[] {
    if (alarm === AlarmType.NONE) {
      return []
    }
    if (!this.#stands(memberID, alarm)) {
      this.#sql.run(INSERT_ALARM, String(memberID), alarm)
      this.#membersWith(alarm).add(memberID)
      this.changes++
      this.#disarmed.delete(`${alarm} ${memberID}`)
    }
    return [{ memberID, alarm }]
  }

  /** Answers the alarm that was taken away, or nothing if it did not stand. */
  deactivate({ memberID, alarm }: AlarmMember): readonly AlarmMember[] {
    if (!this.#stands(memberID, alarm)) {
      return []
    }
    this.#sql.run(DELETE_ALARM, String(memberID), alarm)
    this.#membersWith(alarm).delete(memberID)
    this.changes++
    this.#disarmed.set(`${alarm} ${memberID}`, { memberID, alarm })
    return [{ memberID, alarm }]
  }

  /** As Status tells of them among its errors. */
  errors(): readonly string[] {
    return this.get(AlarmType.NONE).map(alarmText)
  }

  #stands(memberID: bigint, type: number): boolean {
    return this.#members.get(type)?.has(memberID) ?? false
  }

  #membersWith(type: number): Set<bigint> {
    const members = this.#members.get(type) ?? new Set()
    this.#members.set(type, members)
    return members
  }
}

/** The protobuf text format, where a zero is left out and two spaces stand between fields. */
function alarmText({ memberID, alarm }: AlarmMember): string {
  const name = Object.entries(AlarmType).find(([, type]) => type === alarm)?.[0] ?? alarm
  return memberID === 0n ? `alarm:${name}` : `memberID:${memberID}  alarm:${name}`
}
