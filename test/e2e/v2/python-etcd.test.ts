// Recorded with `vitest --update` while E2E_TARGET_ETCD names an etcd 3.4.23.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { findInstalled } from '../../oracle/installed.ts'
import { Target } from '../target.ts'

const run = promisify(execFile)
const python = await findInstalled('python3', process.env['E2E_PYTHON'])

it('[V2A6] python-etcd sets, lists, waits, locks and logs in as against etcd 3.4', async ({
  skip,
}) => {
  const knows = run(python ?? 'python3', ['-c', 'import etcd.auth']).then(
    () => true,
    () => false,
  )
  skip(!(await knows), 'python-etcd is not installed')
  const target = await Target.start(['--enable-v2'])
  onTestFinished(() => target.stop())
  const script = join(import.meta.dirname, '..', 'python', 'v2_client.py')
  const { stdout } = await run(python ?? '', [script, new URL(target.url).port])
  const file = join(import.meta.dirname, '..', '..', 'golden', 'v2', 'python-etcd.txt')
  await expect(stdout).toMatchFileSnapshot(file)
})
