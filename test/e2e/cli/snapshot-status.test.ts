import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { goldenBytes, goldenStatus } from '../../etcd-file/golden-files.ts'
import { runCommand } from '../command.ts'

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-files-'))
})

afterAll(async () => {
  await rm(directory, { recursive: true })
})

async function written(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, bytes)
  return path
}

const refused = (line: string, code = 1) => ({ code, stdout: '', stderr: `etcdurable: ${line}\n` })

it('[SNP15] snapshot status writes what etcdutl writes', async () => {
  const path = await written('saved.db', goldenBytes('3.7.1-saved'))
  expect((await runCommand(['snapshot', 'status', path])).stdout).toBe(
    '985ed184, 64, 10, 2.2 MB, 3.7.0\n',
  )
  const member = await written('member.db', goldenBytes('3.4.23-member'))
  expect(await runCommand(['snapshot', 'status', '-w', 'json', member])).toEqual({
    code: 0,
    stdout: `${goldenStatus['3.4.23-member']}\n`,
    stderr: '',
  })
})

it('[SNP18] snapshot status refuses a file whose hash is wrong, and what is cut off', async () => {
  const saved = goldenBytes('3.7.1-saved')
  const changed = Buffer.from(saved)
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  const wrong = await written('wrong.db', changed)
  expect(await runCommand(['snapshot', 'status', wrong])).toEqual(
    refused(`${wrong} is damaged: the SHA-256 at its end is not that of what is before it`),
  )
  const cut = await written('cut.db', saved.subarray(0, 1_000_000))
  expect(await runCommand(['snapshot', 'status', cut])).toEqual(
    refused(`${cut} is cut off: it has 1000000 bytes, and its pages are 2170880`),
  )
})

it('[SNP18] snapshot status says in a line what it cannot read, and what it is not given', async () => {
  const missing = join(directory, 'missing.db')
  expect(await runCommand(['snapshot', 'status', missing])).toEqual(
    refused(`cannot read ${missing}: ENOENT`),
  )
  expect(await runCommand(['snapshot', 'status'])).toEqual(
    refused('snapshot status takes the path of one file', 2),
  )
})
