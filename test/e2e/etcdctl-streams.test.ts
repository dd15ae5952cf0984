// The commands of etcdctl that go on: watches, mirrors, locks and elections.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { expectRecorded, runAll, start } from './etcdctl-cases.ts'
import { Etcdctl } from './etcdctl.ts'
import { Target } from './target.ts'

it('[CTL11] watch prints what has happened since a revision and what happens', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(etcdctl, 'put a 1\nput a 2\nput b 3\ndel a')
  const follows = async (args: string, last: RegExp, put: string): Promise<void> => {
    const watch = etcdctl.start(['watch', ...args.split(' ')])
    await watch.until(/./)
    await etcdctl.run(['put', ...put.split(' ')])
    await watch.until(last)
    await watch.interrupt()
  }
  await follows('a --rev=2', /last1\n/, 'a last1')
  await follows('a c --rev=2 --prev-kv', /last2\n/, 'b last2')
  await follows('a --prefix --rev=3 -w json', /"bGFzdDM="/, 'a/1 last3')
  await follows('--rev=3 b -w fields', /"last4"/, 'b last4')
  await expectRecorded(etcdctl, 'watch')
})

it('[CTL12] watch is told by its variables what to watch', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(etcdctl, 'put a 1\nput b 2\nput c 3')
  const env = { ETCDCTL_WATCH_KEY: 'a', ETCDCTL_WATCH_RANGE_END: 'c' }
  const watch = etcdctl.start(['watch', '--rev=2'], { env })
  await watch.until(/b\n2\n/)
  await watch.interrupt()
  await expectRecorded(etcdctl, 'watch-variables')
})

it('[CTL13] watch runs a command for each event', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(etcdctl, 'put a 1\nput a 2')
  const command = 'env | grep ^ETCD_WATCH_ | sort'
  const watch = etcdctl.start(['watch', 'a', '--rev=2', '--', 'sh', '-c', command])
  await watch.until(/VALUE="2"\n/)
  await watch.interrupt()
  await expectRecorded(etcdctl, 'watch-command')
})

it('[CTL14] watch -i takes watches line by line and answers progress', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(etcdctl, 'put a 1\nput b 2')
  const watch = etcdctl.start(['watch', '-i'])
  watch.type('watch --rev=2 a')
  await watch.until(/a\n1\n/)
  watch.type('watch --rev=2 b')
  await watch.until(/b\n2\n/)
  watch.type('progress')
  await watch.until(/(progress notify: 3\n){2}/)
  await etcdctl.run(['put', 'a', '3'])
  await watch.until(/a\n3\n/)
  watch.type('progress')
  await watch.until(/(progress notify: 4\n){2}/)
  await watch.interrupt()
  await expectRecorded(etcdctl, 'watch-interactive')
})

it('[CTL15] watch says that its start is compacted', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(
    etcdctl,
    `put a 1
    put a 2
    put a 3
    compaction 4
    watch a --rev=2`,
  )
  await expectRecorded(etcdctl, 'watch-compacted')
})

it('[CTL16] lock lets one holder in at a time', async (context) => {
  const { etcdctl } = await start(context)
  const first = etcdctl.start(['lock', 'mutex'])
  const [, firstKey] = await first.until(/^(mutex\/[0-9a-f]+)\n/)
  const second = etcdctl.start(['lock', 'mutex'])
  const waiting = await waiters(etcdctl, 'mutex/', 2)
  expect(waiting[0]).toBe(firstKey)
  expect(second.output).toBe('')
  await first.interrupt()
  const [, secondKey] = await second.until(/^(mutex\/[0-9a-f]+)\n/)
  expect(secondKey).toBe(waiting[1])
  await second.interrupt()
  expect(await waiters(etcdctl, 'mutex/', 0)).toEqual([])
})

it('[CTL17] lock runs a command while it holds the lock, and fails when it does', async (context) => {
  const { etcdctl } = await start(context)
  await etcdctl.run([
    'lock',
    'mutex',
    '--',
    'sh',
    '-c',
    'echo $ETCD_LOCK_KEY $ETCD_LOCK_REV; exit 3',
  ])
  await etcdctl.run(['get', 'mutex', '--prefix', '-w', 'json'])
  await expectRecorded(etcdctl, 'lock')
})

it('[CTL18] elect has one leader, whom others succeed and listeners see', async (context) => {
  const { etcdctl } = await start(context)
  const first = etcdctl.start(['elect', 'race', 'one'])
  await first.until(/^race\/[0-9a-f]+\none\n/)
  const listener = etcdctl.start(['elect', '--listen', 'race'])
  await listener.until(/\none\n/)
  const second = etcdctl.start(['elect', 'race', 'two'])
  await waiters(etcdctl, 'race/', 2)
  expect(second.output).toBe('')
  await first.interrupt()
  await second.until(/^race\/[0-9a-f]+\ntwo\n/)
  await listener.until(/\ntwo\n/)
  await second.interrupt()
  await listener.interrupt()
  expect(await waiters(etcdctl, 'race/', 0)).toEqual([])
})

it('[CTL19] make-mirror copies what is there and follows', async (context) => {
  const { etcdctl } = await start(context)
  const copy = await Target.start()
  onTestFinished(() => copy.stop())
  const mirror = await Etcdctl.of(copy.url)
  await runAll(etcdctl, 'put from/a 1\nput from/b 2\nput other/c 3\ndel from/b')
  const many = Array.from({ length: 120 }, (_, i) => `put from/many/${i} x`).join('\n')
  await etcdctl.run(['txn'], { input: `\n${many}\n\n\n` })
  const command = ['make-mirror', '--prefix=from/', '--dest-prefix=to/', new URL(copy.url).host]
  const session = etcdctl.start(command)
  const keys = (): Promise<string> => mirror.run(['get', '', '--prefix', '--keys-only'])
  await eventually(async () => (await keys()).split('\n').filter(Boolean).length === 121)
  await runAll(etcdctl, 'put from/new 4\ndel from/many --prefix\nput from/a last')
  await eventually(async () => (await mirror.run(['get', 'to/a'])) === 'to/a\nlast\n')
  expect(await mirror.run(['get', '', '--prefix'])).toBe('to/a\nlast\nto/new\n4\n')
  await session.interrupt()
})

it('[CTL20] check datascale passes and cleans up', async (context) => {
  const { etcdctl } = await start(context)
  const output = await etcdctl.run(['check', 'datascale', '--load=s', '--command-timeout=60s'])
  expect(output).toMatch(/PASS: Approximate system memory used : [\d.]+ MB\.\n$/)
  expect(await etcdctl.run(['get', '', '--prefix', '--keys-only'])).toBe('')
})

/** Waits until so many keys of a lock or an election are there: the oldest first. */
async function waiters(
  etcdctl: Etcdctl,
  prefix: string,
  count: number,
): Promise<readonly string[]> {
  let keys: readonly string[] = []
  await eventually(async () => {
    const args = ['get', prefix, '--prefix', '--keys-only', '--sort-by=CREATE']
    keys = (await etcdctl.run(args)).split('\n').filter(Boolean)
    return keys.length === count
  })
  return keys
}

/** A test that waits forever is ended by the runner. */
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await sleep(20)
  }
}
