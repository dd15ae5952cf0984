import { once } from 'node:events'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { workerSockets } from '../../src/cli/worker-sockets.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-sockets-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

it('[PRT7] workerd listens in the data directory, where nobody else may enter', async () => {
  const sockets = await workerSockets(directory)
  expect(dirname(sockets.plain)).toBe(join(directory, 'run'))
  expect((await stat(dirname(sockets.plain))).mode & 0o777).toBe(0o700)
  sockets.remove()
  await expect(stat(dirname(sockets.plain))).rejects.toThrow('ENOENT')
})

it('[PRT7] what a killed one left behind is taken away', async () => {
  const { plain, secure } = await workerSockets(directory)
  await writeFile(plain, '')
  await writeFile(secure, '')
  await workerSockets(directory)
  await expect(stat(plain)).rejects.toThrow('ENOENT')
  await expect(stat(secure)).rejects.toThrow('ENOENT')
})

it.each(['x'.repeat(120), 'with: a colon', 'with a space', 'with#a?mark', 'ä'])(
  '[PRT7] a data directory that no socket fits into has them elsewhere: %s',
  async (name) => {
    const data = join(directory, name)
    await mkdir(data)
    const sockets = await workerSockets(data)
    const folder = dirname(sockets.plain)
    expect(folder.startsWith(directory)).toBe(false)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    const server = createServer().listen(sockets.secure)
    await once(server, 'listening')
    server.close()
    sockets.remove()
    await expect(stat(folder)).rejects.toThrow('ENOENT')
  },
)
