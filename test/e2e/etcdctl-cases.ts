// What the tests of etcdctl share: a keyspace, commands in a row, and recorded answers.
import { join } from 'node:path'
import { expect, onTestFinished, type TestContext } from 'vitest'
import { Etcdctl, etcdctlMissing } from './etcdctl.ts'
import { Target } from './target.ts'

const missing = await etcdctlMissing()

/** A keyspace of its own for each test: what is recorded contains revisions. */
export async function start({ skip }: TestContext): Promise<{ etcdctl: Etcdctl; target: Target }> {
  if (missing !== undefined) {
    return skip(missing)
  }
  const target = await Target.start()
  onTestFinished(() => target.stop())
  const etcdctl = await Etcdctl.of(target.url)
  onTestFinished(() => etcdctl.close())
  return { etcdctl, target }
}

export async function expectRecorded(etcdctl: Etcdctl, name: string): Promise<void> {
  const file = join(import.meta.dirname, '..', 'golden', 'etcdctl', `${name}.txt`)
  await expect(etcdctl.transcript).toMatchFileSnapshot(file)
}

/** Each line is a command; its words have no spaces. */
export async function runAll(etcdctl: Etcdctl, commands: string): Promise<void> {
  for (const command of commands.trim().split('\n')) {
    await etcdctl.run(command.trim().split(' '))
  }
}
