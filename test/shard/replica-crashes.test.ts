import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import type { Region } from '../../src/config/region.ts'
import { DIRECTORY_NAME } from '../../src/directory/directory-rpc.ts'
import type { Directory } from '../../src/directory/directory.ts'
import { askAnew } from '../../src/gateway/keyspace-address.ts'
import { encode } from '../../src/protocol/binary.ts'
import { PutRequest } from '../../src/protocol/generated/messages.ts'
import { isRefused } from '../../src/protocol/shard-rpc.ts'
import { put, PUT } from './calls.ts'

const directory = () => env.DIRECTORY.getByName(DIRECTORY_NAME)
const context = { administrator: true } as const
const REGIONS = ['weur', 'apac'] as const

const withEnvironment = (environment: Pick<Env, 'SHARD' | 'REPLICA'>) =>
  runInDurableObject(directory(), (instance: Directory) => {
    Object.defineProperty(instance, 'env', {
      value: { ...env, ...environment },
      configurable: true,
    })
  })

const lost = (): Promise<never> => Promise.reject(new Error('out of reach'))

/** Objects of which one call is the last that leaves, and after it none does. Its answer is lost, or it is itself. */
class Cut {
  #left: number
  readonly #isDone: boolean

  constructor(calls: number, isDone: boolean) {
    this.#left = calls
    this.#isDone = isDone
  }

  get isOver(): boolean {
    return this.#left < 0
  }

  of<T extends object>(namespace: T): T {
    return new Proxy(namespace, {
      get: (target, property) => {
        const value = Reflect.get(target, property) as (...args: unknown[]) => object
        return (...args: unknown[]): object => {
          const stub = value.apply(target, args)
          return property === 'getByName' ? this.#stub(stub) : stub
        }
      },
    })
  }

  #stub(stub: object): object {
    return new Proxy(stub, {
      get: (target, property) => {
        const name = String(property)
        // It knows no `apply`, which would be a method of the object's.
        const call = (args: unknown[]): Promise<unknown> =>
          (target as { [name: string]: (...all: unknown[]) => Promise<unknown> })[name]?.(
            ...args,
          ) ?? lost()
        return async (...args: unknown[]) => {
          this.#left--
          if (this.#left >= 0) {
            return call(args)
          }
          if (this.#left === -1 && this.#isDone) {
            await Promise.allSettled([call(args)])
          }
          return lost()
        }
      },
    })
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await scheduler.wait(5)
  }
}

async function made(name: string): Promise<void> {
  await directory().create(name, {})
  for (const region of REGIONS) {
    await directory().addReplica(name, region)
    await until(async () => {
      const report = await env.REPLICA.getByName(`${name}@${region}`).report()
      return !isRefused(report) && report.isWhole
    })
  }
  await write(name, undefined, 'before')
}

async function write(name: string, leader: Region | undefined, key: string): Promise<boolean> {
  const object =
    leader === undefined ? env.SHARD.getByName(name) : env.REPLICA.getByName(`${name}@${leader}`)
  const request = encode(PutRequest, put(key, 'v'))
  const [outcome] = await object.callMany([{ method: PUT, request, context }])
  return outcome !== undefined && !isRefused(outcome)
}

it('[LDR13] a move that is cut off at any of its steps is brought to its end, and one object leads', async () => {
  for (const isDone of [false, true]) {
    let isWhole = false
    for (let calls = 0; !isWhole; calls++) {
      const name = `cut-${calls}-${isDone}`
      await made(name)
      const cut = new Cut(calls, isDone)
      await withEnvironment({ SHARD: cut.of(env.SHARD), REPLICA: cut.of(env.REPLICA) })
      await directory().promote(name, { region: 'weur', force: false })
      isWhole = !cut.isOver
      await withEnvironment(env)
      await runDurableObjectAlarm(directory())
      const found = await directory().find(name)
      expect(found, name).toMatchObject({ leader: 'weur', replicas: ['apac'] })
      const leaders: boolean[] = []
      for (const place of [undefined, ...REGIONS]) {
        const report = place && (await env.REPLICA.getByName(`${name}@${place}`).report())
        const leads = place === undefined ? await write(name, place, 'after') : isLeader(report)
        leaders.push(leads)
      }
      expect(leaders, name).toEqual([false, true, false])
      expect(await write(name, 'weur', 'after'), name).toBe(true)
      const apac = env.REPLICA.getByName(`${name}@apac`)
      await apac.wake()
      expect(await apac.report(), name).toMatchObject({ epoch: 2, revision: 3 })
    }
  }
})

it('[LDR14] a leader that was passed over serves nothing any more when the directory reaches it, and keeps what it has', async () => {
  await made('passed')
  const cut = new Cut(0, false)
  await withEnvironment({ SHARD: cut.of(env.SHARD), REPLICA: env.REPLICA })
  expect(await directory().promote('passed', { region: 'apac', force: true })).toMatchObject({
    region: 'apac',
    epoch: 2,
    isWhole: false,
  })
  expect(await write('passed', undefined, 'in vain')).toBe(true)
  await withEnvironment(env)
  await runDurableObjectAlarm(directory())
  expect(await write('passed', undefined, 'too late')).toBe(false)
  await runInDurableObject(env.SHARD.getByName('passed'), (_, { storage }) => {
    const { n } = storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM log').one()
    expect(n).toBe(2)
  })
  expect(await write('passed', 'apac', 'after')).toBe(true)
})

it('[LDR15] and so it does when a replica has heard of the next one', async () => {
  await made('deposed')
  await env.REPLICA.getByName('deposed@weur').wake()
  const cut = new Cut(0, false)
  await withEnvironment({ SHARD: cut.of(env.SHARD), REPLICA: env.REPLICA })
  await directory().promote('deposed', { region: 'apac', force: true })
  await write('deposed', undefined, 'in vain')
  // The object gives up its memory under the calls that it has: whoever asks again is refused.
  const again = (): Promise<boolean> => write('deposed', undefined, 'again').catch(() => true)
  await until(async () => !(await again()))
  await withEnvironment(env)
})

it('[RPL93] and so it does when a gateway hears of the next one, that had asked it', async () => {
  await made('asked')
  const former = { name: 'asked', jurisdiction: undefined }
  const cut = new Cut(0, false)
  await withEnvironment({ SHARD: cut.of(env.SHARD), REPLICA: env.REPLICA })
  await directory().promote('asked', { region: 'apac', force: true })
  await withEnvironment(env)
  expect(await write('asked', undefined, 'in vain')).toBe(true)
  // The object gives up its memory under the call.
  await askAnew(former, env).catch(() => undefined)
  expect(await write('asked', undefined, 'too late')).toBe(false)
  expect(await write('asked', 'apac', 'after')).toBe(true)
})

function isLeader(report: unknown): boolean {
  return (report as { readonly role?: string } | undefined)?.role === 'leader'
}
