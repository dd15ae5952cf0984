import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importPKCS8, SignJWT } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  askingGrpc,
  askingHttp,
  type AskWithToken,
  type AuthRecording,
  differences,
  readAuthRecordings,
} from './auth-replay.ts'
import { GrpcClient } from './grpc-client.ts'
import type { JsonObject } from './http.ts'
import { Target } from './target.ts'

/** As the recorded server was started. */
const CHEAP_HASHES = '--bcrypt-cost=4'

type Transport = 'JSON' | 'gRPC'

async function start(transport: Transport, flags: readonly string[]): Promise<AskWithToken> {
  const target = await Target.start([CHEAP_HASHES, ...flags])
  onTestFinished(() => target.stop())
  if (transport === 'JSON') {
    return askingHttp(target.url)
  }
  const client = new GrpcClient(target.url)
  onTestFinished(() => client.close())
  return askingGrpc(client)
}

function recorded(file: string): readonly AuthRecording[] {
  const recordings = readAuthRecordings(file)
  expect(recordings.length).toBeGreaterThan(200)
  return recordings
}

interface SigningKeys {
  readonly flag: string
  readonly sign: (claims: JsonObject) => Promise<string>
}

/** The files are as openssl's old commands write them: neither PKCS #8 nor SPKI. */
async function rsaKeys(): Promise<SigningKeys> {
  const directory = await mkdtemp(join(tmpdir(), 'etcdurable-keys-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const files = { public: join(directory, 'jwt.pub'), private: join(directory, 'jwt.key') }
  await writeFile(files.public, publicKey.export({ type: 'pkcs1', format: 'pem' }))
  await writeFile(files.private, privateKey.export({ type: 'pkcs1', format: 'pem' }))
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const signing = await importPKCS8(pem, 'RS256')
  return {
    flag: `--auth-token=jwt,pub-key=${files.public},priv-key=${files.private},sign-method=RS256`,
    sign: (claims) => new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256' }).sign(signing),
  }
}

async function hmacKeys(): Promise<SigningKeys> {
  const directory = await mkdtemp(join(tmpdir(), 'etcdurable-keys-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const key = crypto.getRandomValues(new Uint8Array(64))
  const file = join(directory, 'jwt.key')
  await writeFile(file, key)
  return {
    flag: `--auth-token=jwt,priv-key=${file},sign-method=HS256,ttl=10m`,
    sign: (claims) => new SignJWT({ ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(key),
  }
}

describe.each(['JSON', 'gRPC'] as const)(
  'what a real etcd 3.7.1 answered, over %s',
  (transport) => {
    it('[AUT24] is answered to users, to nobody and to bad tokens', async () => {
      const ask = await start(transport, [])
      expect(await differences(recorded('auth.jsonl'), ask)).toEqual([])
    })

    it.each([
      ['RS256', rsaKeys],
      ['HS256', hmacKeys],
    ] as const)('[AUT25] is answered to those who show a JWT of %s', async (_, make) => {
      const { flag, sign } = await make()
      const ask = await start(transport, [flag])
      expect(await differences(recorded('auth-jwt.jsonl'), ask, sign)).toEqual([])
    })
  },
)
