import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Jwt } from '../../src/auth/jwt.ts'
import { jwtKeyVariables } from '../../src/cli/jwt-keys.ts'
import { parseSettings } from '../../src/config/settings.ts'

const NOW = 1_800_000_000_000
const alice = { username: 'alice', revision: 3 }

async function fileOf(content: string | Uint8Array): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'etcdurable-keys-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const path = join(directory, 'key')
  await writeFile(path, content)
  return path
}

const pem = (key: KeyObject, type: 'pkcs1' | 'sec1' | 'spki' | 'pkcs8'): string =>
  key.export({ type, format: 'pem' }).toString()

/** What the Worker makes of the variables. */
async function jwtOf(flag: string): Promise<Jwt> {
  const variables = Object.fromEntries(await jwtKeyVariables(flag))
  const { tokens } = parseSettings({ ETCD_AUTH_TOKEN: flag, ...variables })
  if (tokens.kind !== 'jwt') {
    throw new Error(`tokens of ${flag} are ${tokens.kind}`)
  }
  return Jwt.open(tokens, tokens.ttl)
}

it.each([
  ['RS256', 'pkcs1', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['ES256', 'sec1', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['EdDSA', 'pkcs8', generateKeyPairSync('ed25519')],
] as const)('[AUT32] keys of %s reach the Worker from a file in %s', async (method, type, pair) => {
  const privateKey = await fileOf(pem(pair.privateKey, type))
  const publicKey = await fileOf(pem(pair.publicKey, type === 'pkcs1' ? 'pkcs1' : 'spki'))
  const both = await jwtOf(`jwt,pub-key=${publicKey},priv-key=${privateKey},sign-method=${method}`)
  const token = (await both.sign(alice, NOW)) ?? ''
  const verifier = await jwtOf(`jwt,pub-key=${publicKey},sign-method=${method}`)
  expect(await verifier.verify(token, NOW)).toEqual(alice)
  expect(await verifier.sign(alice, NOW)).toBeUndefined()
})

it('[AUT32] the key of an HMAC method reaches the Worker, whatever its bytes', async () => {
  const key = await fileOf(Uint8Array.from({ length: 64 }, (_, i) => i * 5))
  const jwt = await jwtOf(`jwt,priv-key=${key},sign-method=HS256`)
  expect(await jwt.verify((await jwt.sign(alice, NOW)) ?? '', NOW)).toEqual(alice)
})

it('[AUT32] there are no keys without JWTs', async () => {
  expect([...(await jwtKeyVariables('simple'))]).toEqual([])
})

it('[AUT33] a key that is missing, unreadable or of another pair is told before the start', async () => {
  const garbage = await fileOf('garbage')
  const one = await fileOf(pem(generateKeyPairSync('ed25519').privateKey, 'pkcs8'))
  const other = await fileOf(pem(generateKeyPairSync('ed25519').publicKey, 'spki'))
  const wrong = [
    ['jwt,sign-method=RS256', 'auth: missing key data'],
    ['jwt,priv-key=/nowhere,sign-method=RS256', 'cannot read the key /nowhere'],
    [`jwt,priv-key=${garbage},sign-method=RS256`, `cannot read the key ${garbage}`],
    [`jwt,priv-key=${one},pub-key=${other},sign-method=EdDSA`, "private keys don't match"],
  ] as const
  for (const [flag, message] of wrong) {
    await expect(jwtKeyVariables(flag)).rejects.toThrow(message)
  }
})
