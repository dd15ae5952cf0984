import { expect, it } from 'vitest'
import { Failure } from '../../src/cli/failure.ts'
import { keyspaceCommand } from '../../src/cli/keyspace.ts'

it('[CLI43] the command keyspace is told wrong arguments before anything is asked, and exits with 2', async () => {
  const name = 'must be of a-z, 0-9 and inner dashes, at most 63 characters'
  for (const [args, reason] of [
    [[], 'unknown command "keyspace " (see keyspace --help)'],
    [['toString'], 'unknown command "keyspace toString" (see keyspace --help)'],
    [['create'], 'keyspace create takes the name of one keyspace'],
    [['delete', 'a', 'b'], 'keyspace delete takes the name of one keyspace'],
    [['list', 'a'], 'keyspace list takes no arguments'],
    [['describe', '..'], `invalid keyspace name "..": ${name}`],
    [['create', 'A'], `invalid keyspace name "A": ${name}`],
    [
      ['list', '--quota-backend-bytes=1'],
      'flag provided but not defined: --quota-backend-bytes (see --help)',
    ],
    [['list', '-w', 'yaml'], 'invalid value "yaml" for flag --write-out: must be simple or json'],
  ] as const) {
    const asked = (async () => keyspaceCommand(args, {}))()
    await expect(asked).rejects.toEqual(new Failure(reason, 2))
  }
})
