import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { DIRECTORY_NAME } from '../../src/directory/directory-rpc.ts'
import { encode } from '../../src/protocol/binary.ts'
import { PutRequest } from '../../src/protocol/generated/messages.ts'
import { isRefused } from '../../src/protocol/shard-rpc.ts'
import { put, PUT } from './calls.ts'

const context = { administrator: true } as const

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await scheduler.wait(5)
  }
}

it('[FED6] [FED9] what is written fast goes to a replica over one socket, all of it, and what is long is pulled', async () => {
  const directory = env.DIRECTORY.getByName(DIRECTORY_NAME)
  await directory.create('fast', {})
  await directory.addReplica('fast', 'weur')
  const leader = env.SHARD.getByName('fast')
  const replica = env.REPLICA.getByName('fast@weur')
  const revision = async (): Promise<number> => {
    const report = await replica.report()
    return isRefused(report) || !report.isWhole ? 0 : report.revision
  }
  const sockets = (): Promise<number> =>
    runInDurableObject(replica, (_, state) => state.getWebSockets().length)
  const write = (key: string, value: string): Promise<unknown> =>
    leader.callMany([{ method: PUT, request: encode(PutRequest, put(key, value)), context }])
  await until(async () => (await revision()) === 1)
  await replica.wake()
  for (let number = 0; number < 60; number++) {
    await write(`k${number % 7}`, `v${number}`)
    await scheduler.wait(number % 3 === 0 ? 7 : 0)
  }
  await until(async () => (await revision()) === 61)
  expect(await sockets()).toBe(1)
  await write('long', 'x'.repeat(1_200_000))
  await write('short', 'x')
  await until(async () => (await revision()) === 63)
  const pushed = await leader.replicas()
  expect(pushed).toMatchObject({ revision: 63, replicas: [{ region: 'weur' }] })
  const rows = (object: typeof leader | typeof replica): Promise<unknown> =>
    runInDurableObject(object as typeof leader, (_, { storage }) =>
      [...storage.sql.exec('SELECT * FROM log').raw()].map((row) => row.map(String).join()),
    )
  expect(await rows(replica)).toEqual(await rows(leader))
  await until(async () => (await sockets()) === 0)
})
