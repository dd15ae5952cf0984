import { expect, it } from 'vitest'
import { bridgeTable, serveTable } from '../../src/cli/flag-table.ts'
import { runCommand } from './command.ts'

it.each(['--help', '-h', '-help'])('[CLI10] %s shows every flag and its default', async (flag) => {
  const { code, stdout, stderr } = await runCommand([flag])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const [name, { help }] of Object.entries(serveTable)) {
    expect(stdout).toMatch(new RegExp(`^  --${name} '.*'$`, 'm'))
    expect(stdout).toContain(`    ${help}\n`)
  }
  expect(stdout).toContain("  --data-dir '${name}.etcdurable'\n")
  expect(stdout).toContain("  --max-request-bytes '1572864'\n")
})

it('[CLI10] --version tells the version of etcd that is served', async () => {
  const { code, stdout, stderr } = await runCommand(['--version'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^etcd Version: 3\.7\.1$/m)
  expect(stdout).toMatch(/^etcdurable Version: \d+\.\d+\.\d+$/m)
})

it('[CLI10] bridge --help shows the flags of bridge', async () => {
  const { code, stdout } = await runCommand(['bridge', '--help'])
  expect(code).toBe(0)
  const shown = [...stdout.matchAll(/^  --(\S+) '/gm)].map(([, name]) => name)
  expect(new Set(shown)).toEqual(new Set(Object.keys(bridgeTable)))
})
