import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Failure } from '../../src/cli/failure.ts'
import { parseServeFlags } from '../../src/cli/flags.ts'
import { Log } from '../../src/cli/log.ts'
import { logProbe, openSnapshotStore, type SnapshotStore } from '../../src/cli/snapshot-store.ts'
import { DirectoryStore } from '../../src/object-directory/directory-store.ts'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'etcdurable-snapshot-store-'))
})

afterEach(() => rm(folder, { recursive: true }))

function opened(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<SnapshotStore> {
  return openSnapshotStore(parseServeFlags(args, environment).flags, environment)
}

const secrets = { AWS_ACCESS_KEY_ID: 'the-id', AWS_SECRET_ACCESS_KEY: 'hidden-word' }

describe('the flags of snapshots', () => {
  it('[SNF1] tell the Worker nothing but the lag where there is no store', async () => {
    const { variables, store } = await opened([], secrets)
    expect([...variables]).toEqual([['ETCDURABLE_SNAPSHOT_LAG_SECONDS', '10']])
    expect(store).toBe(undefined)
    expect(
      (await opened(['--snapshot-lag=1m30s'])).variables.get('ETCDURABLE_SNAPSHOT_LAG_SECONDS'),
    ).toBe('90')
  })

  it('[SNF1] open a directory here, and tell the Worker its URL and no secret', async () => {
    const { variables, directory, name } = await opened(
      [`--snapshot-store=file://${folder}/a%20b`],
      secrets,
    )
    expect(directory).toBeInstanceOf(DirectoryStore)
    expect(name).toBe(`file://${folder}/a%20b`)
    expect([...variables]).toEqual([
      ['ETCDURABLE_SNAPSHOT_LAG_SECONDS', '10'],
      ['ETCDURABLE_SNAPSHOT_STORE', `file://${folder}/a%20b`],
    ])
    await directory?.put('x', new Uint8Array(1))
    expect(await readFile(join(folder, 'a b', 'x'))).toHaveLength(1)
  })

  it('[SNF2] take what a bucket needs from flags, else from the variables of AWS', async () => {
    const bucket = ['--snapshot-store=s3://bucket/prefix']
    const environment = {
      ...secrets,
      AWS_SESSION_TOKEN: 'session',
      AWS_ENDPOINT_URL: 'http://all.example',
      AWS_ENDPOINT_URL_S3: 'http://s3.example',
      AWS_DEFAULT_REGION: 'eu-west-1',
    }
    const { variables, directory, name } = await opened(bucket, environment)
    expect(directory).toBe(undefined)
    expect(name).toBe('s3://bucket/prefix/ at http://s3.example')
    expect(Object.fromEntries(variables)).toEqual({
      ETCDURABLE_SNAPSHOT_LAG_SECONDS: '10',
      ETCDURABLE_SNAPSHOT_STORE: 's3://bucket/prefix',
      ETCDURABLE_SNAPSHOT_STORE_ENDPOINT: 'http://s3.example',
      ETCDURABLE_SNAPSHOT_STORE_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'the-id',
      AWS_SECRET_ACCESS_KEY: 'hidden-word',
      AWS_SESSION_TOKEN: 'session',
    })
    const flags = ['--snapshot-store-endpoint=https://r2.example', '--snapshot-store-region=auto']
    const typed = (await opened([...bucket, ...flags], environment)).variables
    expect(typed.get('ETCDURABLE_SNAPSHOT_STORE_ENDPOINT')).toBe('https://r2.example')
    expect(typed.get('ETCDURABLE_SNAPSHOT_STORE_REGION')).toBe('auto')
  })

  it("[SNF2] take a bucket's credentials from a file, and then from it alone", async () => {
    const file = join(folder, 'credentials')
    const args = ['--snapshot-store=s3://bucket', `--snapshot-store-credentials-file=${file}`]
    await writeFile(
      file,
      '# mine\n[other]\naws_access_key_id=x\naws_secret_access_key=y\naws_session_token=z\n' +
        '[default]\n  aws_access_key_id = file-id\r\naws_secret_access_key = a/b+c==\nregion=eu\n',
    )
    const { variables } = await opened(args, { ...secrets, AWS_SESSION_TOKEN: 'session' })
    expect(variables.get('AWS_ACCESS_KEY_ID')).toBe('file-id')
    expect(variables.get('AWS_SECRET_ACCESS_KEY')).toBe('a/b+c==')
    expect(variables.has('AWS_SESSION_TOKEN')).toBe(false)
    await writeFile(file, '[other]\naws_access_key_id=x\naws_secret_access_key=hidden-word\n')
    await expect(opened(args)).rejects.toThrow(
      new Failure(`${file} holds no aws_access_key_id of the profile default`),
    )
    await rm(file)
    await expect(opened(args)).rejects.toThrow(
      new Failure(`cannot read ${file}: no such file or directory`),
    )
  })

  it.each([
    [['--snapshot-store=/backups'], /^--snapshot-store must be a URL such as file:/],
    [['--snapshot-store=s3://id:hidden-word@bucket'], /^--snapshot-store must have no user/],
    [['--snapshot-store=s3://bucket'], /^--snapshot-store needs credentials: AWS_ACCESS_KEY_ID/],
    [['--snapshot-store-region=eu'], /^--snapshot-store-region is for a bucket: /],
    [
      ['--snapshot-store=file:///b', '--snapshot-store-credentials-file=c'],
      /^--snapshot-store-credentials-file is for a bucket: /,
    ],
    [
      ['--snapshot-store=s3://bucket', '--snapshot-store-endpoint=hidden-word'],
      /^--snapshot-store is at an endpoint that is none: /,
    ],
  ])('[SNF3] end the start with a line that repeats no secret: %j', async (args, line) => {
    const refused = await opened(args).then(
      () => new Error('nothing was refused'),
      (error: unknown) => error,
    )
    expect(refused).toBeInstanceOf(Failure)
    expect(String(refused)).not.toMatch(/hidden-word|\n/)
    expect((refused as Failure).message).toMatch(line)
  })

  it('[SNF4] tell in the log what the store is found to be', async () => {
    const output = join(folder, 'log')
    const log = new Log({ 'log-level': 'info', 'log-format': 'json', 'log-outputs': [output] })
    const store = new DirectoryStore(join(folder, 'objects'))
    const told = { variables: new Map<string, string>(), directory: store, name: 'file:///x' }
    await logProbe({ ...told, store: undefined }, log)
    await logProbe({ ...told, store }, log)
    const ignoring = {
      get: (key: string) => store.get(key),
      has: (key: string) => store.has(key),
      put: (key: string, bytes: Uint8Array) => store.put(key, bytes),
      list: (prefix: string) => store.list(prefix),
      delete: (keys: readonly string[]) => store.delete(keys),
    }
    await logProbe({ ...told, store: ignoring }, log)
    await writeFile(join(folder, 'file'), '')
    await logProbe({ ...told, store: new DirectoryStore(join(folder, 'file')) }, log)
    const lines = (await readFile(output, 'utf8')).trim().split('\n')
    const said = lines.map((line) => JSON.parse(line) as Record<string, string>)
    expect(said.map(({ level, msg, problem }) => [level, msg, problem])).toEqual([
      ['info', 'snapshot store is ready', undefined],
      [
        'error',
        'snapshot store cannot be used: no snapshots are made',
        'it ignores the condition of a create (If-None-Match)',
      ],
      [
        'warn',
        'snapshot store cannot be reached',
        expect.stringMatching(
          /^file:.*\/file: cannot write probes\/.*: not a directory$/,
        ) as string,
      ],
    ])
    expect(said.map(({ store: name }) => name)).toEqual(['file:///x', 'file:///x', 'file:///x'])
  })
})
