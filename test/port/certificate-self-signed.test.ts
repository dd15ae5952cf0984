import { X509Certificate } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readCertificates } from '../../src/port/certificate-files.ts'
import { selfSignedCertificate } from '../../src/port/certificate-self-signed.ts'

let directory: string

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'etcdurable-auto-tls-')), 'fixtures', 'client')
})

afterEach(async () => {
  await rm(join(directory, '..', '..'), { recursive: true })
})

const make = () =>
  selfSignedCertificate({ directory, hosts: ['127.0.0.1', '::1', 'localhost'], validityYears: 2 })

it('[TLS8] a certificate for the hosts is made, for the years, with a key that is nobody elses', async () => {
  const { certFile, keyFile, isNew } = await make()
  expect(isNew).toBe(true)
  const { cert } = readCertificates({ certFile, keyFile, trustedCaFile: '' })
  const certificate = new X509Certificate(cert)
  expect(certificate.publicKey.asymmetricKeyType).toBe('ec')
  expect(certificate.ca).toBe(true)
  for (const ip of ['127.0.0.1', '::1']) {
    expect(certificate.checkIP(ip)).toBe(ip)
  }
  expect(certificate.checkHost('localhost')).toBe('localhost')
  const years = certificate.validToDate.getFullYear() - certificate.validFromDate.getFullYear()
  expect(years).toBe(2)
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600)
  expect((await stat(directory)).mode & 0o777).toBe(0o700)
})

it('[TLS8] it is kept as long as it is valid', async () => {
  const { certFile } = await make()
  const first = await readFile(certFile, 'utf8')
  expect(await make()).toMatchObject({ isNew: false })
  expect(await readFile(certFile, 'utf8')).toBe(first)
})

it('[TLS8] one past its time, cut short or without its key is made anew', async () => {
  const { certFile, keyFile } = await make()
  await selfSignedCertificateOfThePast(certFile)
  await chmod(keyFile, 0o644)
  expect(await make()).toMatchObject({ isNew: true })
  expect((await stat(keyFile)).mode & 0o777).toBe(0o600)
  await writeFile(certFile, (await readFile(certFile, 'utf8')).slice(0, 100))
  expect(await make()).toMatchObject({ isNew: true })
  await rm(keyFile)
  expect(await make()).toMatchObject({ isNew: true })
  expect(await make()).toMatchObject({ isNew: false })
})

async function selfSignedCertificateOfThePast(certFile: string): Promise<void> {
  const { makeAuthority, makeLeaf } = await import('./certificates.ts')
  const expired = { notAfter: new Date(Date.now() - 1000) }
  await writeFile(certFile, (await makeLeaf(await makeAuthority('past'), expired)).cert)
}
