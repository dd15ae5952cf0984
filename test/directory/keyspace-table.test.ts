import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type KeyspaceOptions, keyspaceOptionFields } from '../../src/config/keyspace-options.ts'
import type { KeyspaceEntry } from '../../src/directory/directory-rpc.ts'
import { KeyspaceTable } from '../../src/directory/keyspace-table.ts'
import { migrations } from '../../src/directory/migrations.ts'
import { Quota } from '../../src/maintenance/quota.ts'
import { migrate } from '../../src/mvcc/migrations.ts'
import { NodeSql } from '../mvcc/node-sql.ts'

const byDefault: KeyspaceEntry = { name: 'default', state: 'ready', created: 0, options: {} }

function openTable(): { table: KeyspaceTable; reopened: () => KeyspaceTable } {
  const sql = new NodeSql()
  const reopened = (): KeyspaceTable => {
    migrate(sql, migrations)
    return new KeyspaceTable(sql)
  }
  return { table: reopened(), reopened }
}

const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined })

const options: fc.Arbitrary<KeyspaceOptions> = fc
  .record({
    quotaBackendBytes: optional(fc.integer({ min: 1, max: 9_500_000_000 })),
    autoCompactionMode: optional(fc.constantFrom('periodic', 'revision')),
    enableV2: optional(fc.boolean()),
    autoCompactionRetention: optional(fc.constantFrom('0', '5m', '1000')),
    locationHint: optional(fc.constantFrom('weur', 'apac-ne')),
    jurisdiction: optional(fc.constantFrom('eu', 'us')),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)))

type Action = 'create' | 'ready' | 'delete' | 'gone' | 'reopen'

const steps = fc.array(
  fc.record({
    action: fc.constantFrom<Action>('create', 'ready', 'delete', 'gone', 'reopen'),
    name: fc.constantFrom('a', 'b', 'c-1', 'c-2', 'zz'),
    options,
    now: fc.integer({ min: 1, max: 2 ** 41 }),
  }),
  { maxLength: 40 },
)

/** The same, as a map. */
class Model {
  readonly entries = new Map<string, KeyspaceEntry>([['default', byDefault]])

  step(action: Action, name: string, given: KeyspaceOptions, now: number): void {
    const entry = this.entries.get(name)
    if (action === 'create') {
      this.entries.set(name, { name, state: 'creating', created: now, options: given })
    } else if (action === 'ready' && entry?.state === 'creating') {
      this.entries.set(name, { ...entry, state: 'ready' })
    } else if (action === 'delete' && entry !== undefined) {
      this.entries.set(name, { ...entry, state: 'deleting' })
    } else if (action === 'gone' && entry?.state === 'deleting') {
      this.entries.delete(name)
    }
  }

  sorted(keep: (entry: KeyspaceEntry) => boolean): readonly KeyspaceEntry[] {
    return [...this.entries.values()].filter(keep).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }
}

describe('the table of keyspaces', () => {
  it('[DIR1] has the keyspace default from the start', () => {
    expect(openTable().table.list('', 10)).toEqual([byDefault])
  })

  it('[DIR2] remembers every step that was begun, as a map of them does', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const { table: first, reopened } = openTable()
        const model = new Model()
        let table = first
        for (const { action, name, options: given, now } of history) {
          if (action === 'create' && model.entries.has(name)) {
            continue
          }
          switch (action) {
            case 'create':
              table.beginCreation(name, given, now)
              break
            case 'ready':
              table.endCreation(name)
              break
            case 'delete':
              table.beginDeletion(name)
              break
            case 'gone':
              table.endDeletion(name)
              break
            case 'reopen':
              table = reopened()
              break
          }
          model.step(action, name, given, now)
          expect(table.get(name)).toEqual(model.entries.get(name))
        }
        expect(table.list('', 100)).toEqual(model.sorted(() => true))
        expect(table.unfinished('', 100)).toEqual(model.sorted(({ state }) => state !== 'ready'))
      }),
    )
  })

  it('[DIR3] is listed page by page, in the order of the names', () => {
    const { table } = openTable()
    const names = Array.from({ length: 25 }, (_, n) => `k${String(n).padStart(2, '0')}`)
    names.toReversed().forEach((name) => table.beginCreation(name, {}, 1))
    const listed: string[] = []
    for (let after = ''; ; after = listed.at(-1) ?? '') {
      const page = table.list(after, 7)
      listed.push(...page.map(({ name }) => name))
      if (page.length < 7) {
        break
      }
    }
    expect(listed).toEqual(['default', ...names])
    expect(table.list('k0', 2).map(({ name }) => name)).toEqual(['k00', 'k01'])
    expect(table.unfinished('k23', 100).map(({ name }) => name)).toEqual(['k24'])
  })

  it('[DIR4] takes a quota as large as a Durable Object can keep', () => {
    const most = new Quota(-1).bytes
    const schema = keyspaceOptionFields.quotaBackendBytes
    expect(schema.safeParse(most).success).toBe(true)
    expect(schema.safeParse(most + 1).success).toBe(false)
    expect(schema.safeParse(0).success).toBe(false)
  })
})
