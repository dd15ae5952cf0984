// What the command says where it serves nothing.
import { expect, it } from 'vitest'
import { bridgeTable, serveTable } from '../../../src/cli/flag-table.ts'
import { complaintOf, runCommand } from '../command.ts'

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

it.each([
  [['--bogus'], 2, 'flag provided but not defined: --bogus (see --help)'],
  [['bogus'], 1, '"bogus" is not a valid flag (see --help)'],
  [
    ['--max-txn-ops=many'],
    2,
    'invalid value "many" for flag --max-txn-ops: must be a whole number',
  ],
  [
    ['--listen-client-urls=foo'],
    2,
    'invalid value "foo" for flag --listen-client-urls: URL scheme must be http, https, unix, or unixs: foo',
  ],
])('[CLI5] %j ends with one line', async (args, code, line) => {
  const stderr = `etcdurable: ${line}\n`
  expect(await runCommand(args)).toEqual({ code, stdout: '', stderr })
})

it('[DOR23] listening where everybody can come ends the command with a line', async () => {
  const listen = '--listen-client-urls=http://0.0.0.0:0'
  for (const args of [[listen], ['bridge', '--upstream=http://127.0.0.1:1', listen]]) {
    const { code, stdout, stderr } = await runCommand(args)
    expect([code, stdout]).toEqual([1, ''])
    expect(complaintOf(stderr)).toMatch(/^http:\/\/0\.0\.0\.0:0 would be open to everybody ./)
  }
})
