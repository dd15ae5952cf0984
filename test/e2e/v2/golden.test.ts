// Recorded with `vitest --update` while E2E_TARGET_ETCD names an etcd 3.4.23.
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Target } from '../target.ts'
import { keySteps } from './key-steps.ts'
import { serviceSteps, stepsWhereOff } from './service-steps.ts'
import { timeSteps } from './time-steps.ts'
import { type Step, Transcript } from './transcript.ts'

const recorded = Object.entries({ ...keySteps, ...timeSteps, ...serviceSteps })

async function replay(
  name: string,
  steps: readonly Step[],
  flags: readonly string[],
): Promise<void> {
  const target = await Target.start(flags)
  onTestFinished(() => target.stop())
  const transcript = await Transcript.of(target.url)
  await transcript.take(steps)
  const file = join(import.meta.dirname, '..', '..', 'golden', 'v2', `${name}.jsonl`)
  await expect(transcript.text).toMatchFileSnapshot(file)
}

const isWorkerd = process.env['ETCDURABLE_RUNTIME'] === 'workerd'

it.for(recorded)('[V2A1] answers as recorded: %s', async ([name, steps], { skip }) => {
  skip(isWorkerd && name === 'watchers', 'workerd notices late that a client has left')
  await replay(name, steps, ['--enable-v2'])
})

it('[V2A2] without --enable-v2 there is no v2 API', () => replay('off', stepsWhereOff, []))
