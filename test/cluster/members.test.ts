import { describe, expect, it } from 'vitest'
import { memberList, transferee } from '../../src/cluster/cluster-service.ts'
import { Members } from '../../src/cluster/members.ts'
import { statusOf } from '../../src/protocol/status.ts'
import { Host, memberSettings, OWN } from './host.ts'

describe('the members', () => {
  it('[MBR3] survive an eviction, with ids of the whole uint64, and are listed by them', () => {
    const host = new Host()
    const greatest = 2n ** 64n - 1n
    new Members(host.sql, OWN, () => greatest, memberSettings).add(['http://a:1'], true)
    new Members(host.sql, OWN, () => 3n, memberSettings).add(['http://b:1'], false)
    host.evict()
    expect(host.members.list()).toEqual([
      { id: 3n, peerURLs: ['http://b:1'], isLearner: false },
      { id: OWN, peerURLs: ['http://localhost:2380'], isLearner: false },
      { id: greatest, peerURLs: ['http://a:1'], isLearner: true },
    ])
    host.members.update(greatest, ['http://c:1'])
    host.members.update(OWN, ['http://d:1', 'not a url'])
    host.members.remove(3n)
    host.evict()
    expect(host.members.list()).toEqual([
      { id: OWN, peerURLs: ['http://d:1', 'not a url'], isLearner: false },
      { id: greatest, peerURLs: ['http://c:1'], isLearner: true },
    ])
  })

  it('[MBR4] take one row each, and none when they are refused', () => {
    const { sql, members } = new Host()
    sql.changes = 0
    const { id } = members.add(['http://a:1'], true)
    expect(sql.changes).toBe(1)
    expect(() => members.add(['http://b:1'], true)).toThrow('too many learner members')
    expect(() => members.update(id, ['http://localhost:2380'])).toThrow('already exists')
    expect(() => members.promote(id)).toThrow('in sync with leader')
    expect(() => members.remove(OWN)).toThrow('not enough started members')
    expect(sql.changes).toBe(1)
    members.remove(id)
    expect(sql.changes).toBe(2)
    expect(members.list().map((member) => member.id)).toEqual([OWN])
  })

  it('[MBR5] lead on beside a voter that never starts, which can be removed again', () => {
    const host = new Host()
    const { id } = host.members.add(['http://a:1'], false)
    expect(host.members.isVoter(id)).toBe(true)
    expect(() => transferee(host, { targetID: id }, undefined)).toThrow('bad leader transferee')
    expect(transferee(host, { targetID: OWN }, undefined)).toBeUndefined()
    expect(() => host.members.promote(id)).toThrow('in sync with leader')
    host.members.update(id, ['http://b:1'])
    host.members.remove(id)
    expect(host.members.list().map((member) => member.id)).toEqual([OWN])
    host.members.add(['http://b:1'], false)
  })

  it('[MBR6] have URLs that could be dialled, once the member is another one', () => {
    const { members } = new Host()
    const { id } = members.add(['http://a:1'], true)
    for (const bad of [[], ['foo'], ['http://b:1', 'http://b']]) {
      expect(() => members.update(id, bad)).toThrow('given member URLs are invalid')
    }
    expect(members.list().find((member) => member.id === id)?.peerURLs).toEqual(['http://a:1'])
  })

  it('[MBR7] are reached where the client reached us, unless URLs are configured', () => {
    const host = new Host()
    host.members.add(['http://a:1'], true)
    expect(urls(memberList(host, 'https://store.example.com'))).toEqual([
      ['default', 'http://127.0.0.1:2379'],
      [''],
    ])
    const unconfigured = {
      members: host.members,
      downgrade: host.downgrade,
      identity: host.identity,
      settings: { name: 'default', advertiseClientUrls: [] },
      header: () => host.header(),
    }
    expect(urls(memberList(unconfigured, 'https://store.example.com'))).toEqual([
      ['default', 'https://store.example.com'],
      [''],
    ])
    expect(urls(memberList(unconfigured, undefined))).toEqual([['default'], ['']])
  })

  it('[MBR9] tell of the peer URLs that were given, and take as many learners as are allowed', () => {
    const { sql } = new Host()
    let id = 10n
    const peerUrls = ['http://b:2380', 'http://a:2380']
    const members = new Members(sql, OWN, () => ++id, { peerUrls, maxLearners: 2 })
    expect(members.list()[0]?.peerURLs).toEqual(peerUrls.toSorted())
    members.add(['http://c:1'], true)
    members.add(['http://d:1'], true)
    expect(() => members.add(['http://e:1'], true)).toThrow(statusOf('too-many-learners').message)
  })

  it('[MBR8] pick ids that are free', () => {
    const { sql } = new Host()
    const ids = [OWN, 5n, 5n, 6n]
    const members = new Members(sql, OWN, () => ids.shift() ?? 0n, memberSettings)
    expect(members.add(['http://a:1'], true).id).toBe(5n)
    expect(members.add(['http://b:1'], false).id).toBe(6n)
  })
})

describe('a downgrade', () => {
  it('[MNT2] survives an eviction until it is canceled, and is told in the Status', () => {
    const host = new Host()
    expect(host.downgrade.info).toEqual({ enabled: false, targetVersion: '' })
    host.sql.changes = 0
    host.downgrade.enable('3.6.4')
    expect(host.sql.changes).toBe(1)
    host.evict()
    expect(host.downgrade.info).toEqual({ enabled: true, targetVersion: '3.6.0' })
    host.downgrade.cancel()
    host.downgrade.cancel()
    expect(host.sql.changes).toBe(2)
    host.evict()
    expect(host.downgrade.info).toEqual({ enabled: false, targetVersion: '' })
  })
})

/** Each member's name and client URLs. */
function urls({ members }: ReturnType<typeof memberList>): readonly (readonly string[])[] {
  return members.map(({ name, clientURLs }) => [name, ...clientURLs])
}
