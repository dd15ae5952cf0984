import { describe, expect, it } from 'vitest'
import { AlarmAction, AlarmStore, AlarmType } from '../../src/maintenance/alarm.ts'
import { type NodeSql, openNodeSql } from '../mvcc/node-sql.ts'

const { NONE, NOSPACE, CORRUPT } = AlarmType
const { GET, ACTIVATE, DEACTIVATE } = AlarmAction

describe('the Alarm RPC', () => {
  it('[ALM1] ACTIVATE answers the alarm, once more when it stands already', () => {
    const { sql, alarms } = open()
    const request = { action: ACTIVATE, memberID: 1n, alarm: NOSPACE }
    expect(alarms.alarm(request)).toEqual([{ memberID: 1n, alarm: NOSPACE }])
    expect(sql.changes).toBe(1)
    expect(alarms.alarm(request)).toEqual([{ memberID: 1n, alarm: NOSPACE }])
    expect(sql.changes).toBe(1)
    expect(alarms.get(NONE)).toEqual([{ memberID: 1n, alarm: NOSPACE }])
  })

  it('[ALM2] ACTIVATE of NONE does nothing and answers nothing', () => {
    const { alarms } = open()
    expect(alarms.alarm({ action: ACTIVATE, memberID: 1n, alarm: NONE })).toEqual([])
    expect(alarms.get(NONE)).toEqual([])
  })

  it('[ALM3] DEACTIVATE answers what it took away, and nothing if there was no such alarm', () => {
    const { sql, alarms } = open()
    alarms.activate({ memberID: 1n, alarm: NOSPACE })
    sql.changes = 0
    const deactivate = (memberID: bigint, alarm: number) =>
      alarms.alarm({ action: DEACTIVATE, memberID, alarm })
    expect(deactivate(2n, NOSPACE)).toEqual([])
    expect(deactivate(1n, CORRUPT)).toEqual([])
    expect(deactivate(1n, NONE)).toEqual([])
    expect(sql.changes).toBe(0)
    expect(deactivate(1n, NOSPACE)).toEqual([{ memberID: 1n, alarm: NOSPACE }])
    expect(deactivate(1n, NOSPACE)).toEqual([])
    expect(sql.changes).toBe(1)
    expect(alarms.get(NONE)).toEqual([])
  })

  it('[ALM4] GET filters by type, NONE being every type, whatever member is given', () => {
    const { alarms } = open()
    alarms.activate({ memberID: 2n, alarm: NOSPACE })
    alarms.activate({ memberID: 1n, alarm: CORRUPT })
    alarms.activate({ memberID: 1n, alarm: NOSPACE })
    const get = (memberID: bigint, alarm: number) => alarms.alarm({ action: GET, memberID, alarm })
    const nospace = [
      { memberID: 1n, alarm: NOSPACE },
      { memberID: 2n, alarm: NOSPACE },
    ]
    const corrupt = [{ memberID: 1n, alarm: CORRUPT }]
    expect(get(0n, NONE)).toEqual([...nospace, ...corrupt])
    expect(get(2n, NONE)).toEqual([...nospace, ...corrupt])
    expect(get(7n, NOSPACE)).toEqual(nospace)
    expect(get(0n, CORRUPT)).toEqual(corrupt)
    expect(get(0n, 7)).toEqual([])
  })

  it('[ALM5] an unknown action does nothing, an unknown type is an alarm like others', () => {
    const { alarms } = open()
    expect(alarms.alarm({ action: 9, memberID: 1n, alarm: NOSPACE })).toEqual([])
    expect(alarms.get(NONE)).toEqual([])
    expect(alarms.activate({ memberID: 3n, alarm: 7 })).toEqual([{ memberID: 3n, alarm: 7 }])
    expect(alarms.get(7)).toEqual([{ memberID: 3n, alarm: 7 }])
  })
})

describe('alarms that stand', () => {
  it('[ALM6] survive an eviction, member ids of 64 bits too', () => {
    const { sql, alarms } = open()
    const ids = [0n, 2n ** 53n + 1n, 2n ** 64n - 1n]
    for (const memberID of ids) {
      alarms.activate({ memberID, alarm: NOSPACE })
    }
    alarms.activate({ memberID: 1n, alarm: NOSPACE })
    alarms.deactivate({ memberID: 1n, alarm: NOSPACE })
    const restarted = new AlarmStore(sql)
    expect(restarted.get(NONE)).toEqual(ids.map((memberID) => ({ memberID, alarm: NOSPACE })))
    expect(restarted.raised(NOSPACE)).toBe(true)
  })

  it('[ALM7] are raised as long as one member raises them', () => {
    const { alarms } = open()
    expect(alarms.raised(NOSPACE)).toBe(false)
    alarms.activate({ memberID: 1n, alarm: NOSPACE })
    alarms.activate({ memberID: 2n, alarm: NOSPACE })
    alarms.deactivate({ memberID: 1n, alarm: NOSPACE })
    expect(alarms.raised(NOSPACE)).toBe(true)
    expect(alarms.raised(CORRUPT)).toBe(false)
    alarms.deactivate({ memberID: 2n, alarm: NOSPACE })
    expect(alarms.raised(NOSPACE)).toBe(false)
  })

  it('[ALM8] are told of as etcd prints them, zeros left out', () => {
    const { alarms } = open()
    expect(alarms.errors()).toEqual([])
    alarms.activate({ memberID: 1n, alarm: NOSPACE })
    expect(alarms.errors()).toEqual(['memberID:1  alarm:NOSPACE'])
    alarms.activate({ memberID: 0n, alarm: NOSPACE })
    alarms.activate({ memberID: 2n ** 64n - 1n, alarm: CORRUPT })
    alarms.activate({ memberID: 3n, alarm: 7 })
    expect(alarms.errors()).toEqual([
      'alarm:NOSPACE',
      'memberID:1  alarm:NOSPACE',
      'memberID:18446744073709551615  alarm:CORRUPT',
      'memberID:3  alarm:7',
    ])
  })

  it('[ALM9] are as before after a rollback of a larger transaction', () => {
    const { sql, alarms } = open()
    alarms.activate({ memberID: 1n, alarm: NOSPACE })
    expect(() =>
      sql.transaction(() => {
        alarms.deactivate({ memberID: 1n, alarm: NOSPACE })
        alarms.activate({ memberID: 1n, alarm: CORRUPT })
        throw new Error('rolled back')
      }),
    ).toThrow('rolled back')
    expect(new AlarmStore(sql).get(NONE)).toEqual([{ memberID: 1n, alarm: NOSPACE }])
  })
})

function open(): { readonly sql: NodeSql; readonly alarms: AlarmStore } {
  const sql = openNodeSql()
  const alarms = new AlarmStore(sql)
  sql.changes = 0
  return { sql, alarms }
}
