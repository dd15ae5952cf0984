import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Region } from '../../src/config/region.ts'
import { migrations } from '../../src/directory/migrations.ts'
import { type Leadership, ReplicaTable } from '../../src/directory/replica-table.ts'
import { migrate } from '../../src/mvcc/migrations.ts'
import { NodeSql } from '../mvcc/node-sql.ts'

const sites = ['weur', 'enam', 'apac'] as const
const actions = [
  'add',
  'ready',
  'remove',
  'gone',
  'move',
  'cancel',
  'moved',
  'told',
  'forget',
] as const

const steps = fc.array(
  fc.record({
    action: fc.constantFrom(...actions),
    keyspace: fc.constantFrom('a', 'b'),
    region: fc.constantFrom(...sites),
    flag: fc.boolean(),
  }),
  { maxLength: 40 },
)

/** The same, as maps. */
class Model {
  readonly states = new Map<string, string>()
  readonly leaders = new Map<string, Leadership>()

  leadership(keyspace: string): Leadership {
    return this.leaders.get(keyspace) ?? { leader: undefined, epoch: 1 }
  }

  has(keyspace: string, region: Region): boolean {
    return this.states.has(`${keyspace}/${region}`)
  }

  moved(keyspace: string, keeps: boolean): void {
    const { leader, epoch, successor } = this.leadership(keyspace)
    const next = successor?.region
    this.leaders.set(keyspace, { leader: next, epoch: epoch + 1, former: { leader, keeps } })
    this.states.delete(`${keyspace}/${next}`)
    for (const [name, state] of this.states) {
      if (name.startsWith(`${keyspace}/`) && state === 'ready') {
        this.states.set(name, 'untold')
      }
    }
    if (leader !== undefined) {
      this.states.set(`${keyspace}/${leader}`, 'untold')
    }
  }

  unfinished(): readonly string[] {
    const replicas = [...this.states].filter(([, state]) => state !== 'ready')
    const moves = [...this.leaders].filter(([, { successor, former }]) => successor ?? former)
    const names = [...replicas, ...moves].map(([name]) => name.split('/')[0] ?? '')
    return [...new Set(names)].toSorted()
  }
}

describe('the table of replicas', () => {
  it('[LDR1] remembers every step that was begun, and which are left, as a map of them does', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const sql = new NodeSql()
        migrate(sql, migrations)
        const table = new ReplicaTable(sql)
        const model = new Model()
        for (const { action, keyspace, region, flag } of history) {
          apply(table, model, { action, keyspace, region, flag })
          for (const name of ['a', 'b']) {
            expect(table.leadership(name)).toEqual(model.leadership(name))
            expect(table.list(name).map((one) => [one.region, one.state])).toEqual(
              sites
                .toSorted()
                .filter((site) => model.has(name, site))
                .map((site) => [site, model.states.get(`${name}/${site}`)]),
            )
          }
          expect(table.unfinished(10)).toEqual(model.unfinished())
        }
      }),
    )
  })
})

interface Step {
  readonly action: (typeof actions)[number]
  readonly keyspace: string
  readonly region: (typeof sites)[number]
  readonly flag: boolean
}

/** Only what the directory would do. */
function apply(table: ReplicaTable, model: Model, { action, keyspace, region, flag }: Step): void {
  const place = `${keyspace}/${region}`
  const leadership = model.leadership(keyspace)
  const isThere = model.has(keyspace, region)
  if (action === 'add' && !isThere && leadership.leader !== region) {
    table.add(keyspace, region, 1)
    model.states.set(place, 'adding')
  } else if (action === 'ready' && isThere) {
    table.ready(keyspace, region)
    model.states.set(place, 'ready')
  } else if (action === 'remove' && isThere) {
    table.beginRemoval(keyspace, region)
    model.states.set(place, 'removing')
  } else if (action === 'gone' && model.states.get(place) === 'removing') {
    table.endRemoval(keyspace, region)
    model.states.delete(place)
  } else if (action === 'move' && isThere && leadership.successor === undefined) {
    table.beginMove(keyspace, region, flag)
    model.leaders.set(keyspace, { ...leadership, successor: { region, forced: flag } })
  } else if (action === 'cancel' && leadership.successor !== undefined) {
    table.cancelMove(keyspace)
    const { successor: _, ...rest } = leadership
    model.leaders.set(keyspace, rest)
  } else if (action === 'moved' && leadership.successor !== undefined) {
    table.endMove(keyspace, flag, 1)
    model.moved(keyspace, flag)
  } else if (action === 'told' && leadership.former !== undefined) {
    table.formerTold(keyspace)
    const { former: _, ...rest } = leadership
    model.leaders.set(keyspace, rest)
  } else if (action === 'forget') {
    table.forget(keyspace)
    model.leaders.delete(keyspace)
    sites.forEach((site) => model.states.delete(`${keyspace}/${site}`))
  }
}
