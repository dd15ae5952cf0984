import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { RevocationList } from '../../src/port/revocation-list.ts'

/** Made by OpenSSL: a list of one serial number, and one of none. */
const one =
  'MIHMMHUCAQEwCgYIKoZIzj0EAwIwDTELMAkGA1UEAwwCY2EXDTI2MTEyOTE3MzUyMloXDTI3MDkyNTE3MzUyMlowJzAlAhQjbkB023QKNsCWha3I07F/OVWn3BcNMjYxMTI5MTczNTIyWqAOMAwwCgYDVR0UBAMCAQEwCgYIKoZIzj0EAwIDRwAwRAIgDkROFznat1zbdzDdxxXhdwxJ3KZXdoo99Lk8keOaaG4CIGgjX3jqGcNvU4I0Pz+94H7fUeJMXKvXFITb7xUcQxrS'
const none =
  'MIGkMEwCAQEwCgYIKoZIzj0EAwIwDTELMAkGA1UEAwwCY2EXDTI2MTEyOTE3MzUyM1oXDTI3MDkyNTE3MzUyM1qgDjAMMAoGA1UdFAQDAgECMAoGCCqGSM49BAMCA0gAMEUCIQDTaRwYZCykH0dPVSKy4QGfabms2/Uv4LLSSNs6uLFfjQIgWa6lBy1ZU3qFSl9lmuSOTz7f0gXeswroc54oynuQToc='
const serial = '236E4074DB740A36C09685ADC8D3B17F3955A7DC'

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-crl-'))
  path = join(directory, 'list.crl')
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

async function write(list: string): Promise<void> {
  await writeFile(path, Buffer.from(list, 'base64'))
}

it('[LSN8] a list names serial numbers, and is read again when it changes', async () => {
  await write(one)
  const list = new RevocationList(path)
  expect(list.has(serial)).toBe(true)
  expect(list.has(serial.toLowerCase())).toBe(true)
  expect(list.has(`${serial.slice(0, -1)}D`)).toBe(false)
  await write(none)
  expect(list.has(serial)).toBe(false)
  await write(one)
  expect(list.has(serial)).toBe(true)
})

it('[LSN8] what is no list says so, each time until it is one', async () => {
  expect(() => new RevocationList(path)).toThrow(`cannot read ${path}: no such file`)
  const problem = `${path} holds no certificate revocation list in DER form`
  const bytes = Buffer.from(one, 'base64')
  const wrongs = [
    Buffer.alloc(0),
    Buffer.from('-----BEGIN X509 CRL-----'),
    Buffer.from('3000', 'hex'),
    ...Array.from({ length: 40 }, (_, cut) => bytes.subarray(0, cut * 4)),
  ]
  for (const wrong of wrongs) {
    await writeFile(path, wrong)
    expect(() => new RevocationList(path)).toThrow(problem)
  }
  await write(none)
  const list = new RevocationList(path)
  await writeFile(path, 'nonsense')
  expect(() => list.has(serial)).toThrow(problem)
  expect(() => list.has(serial)).toThrow(problem)
  await write(one)
  expect(list.has(serial)).toBe(true)
})
