import type * as z from 'zod'
import { pruned, snapshotList, verification } from '../api/snapshots.ts'
import { ApiClient } from './api-client.ts'
import { Failure } from './failure.ts'
import { parseClientFlags } from './flags.ts'
import { keyspaceFrom, snapshotTable } from './point-flags.ts'
import { ProgressBar } from './progress-bar.ts'
import { shownBytes } from './shown-bytes.ts'
import type { Environment } from './subcommand.ts'
import { columns, writeOut } from './write-out.ts'

type Full = z.output<typeof snapshotList>['fulls'][number]

/** The points in time that a keyspace can be restored at. Throws Failure. */
export async function listSnapshots(
  args: readonly string[],
  environment: Environment,
): Promise<string> {
  const { flags, path, api } = given('list', args, environment)
  const query = flags.generation === '' ? '' : `?generation=${flags.generation}`
  const list = await api.ask({ method: 'GET', path: `${path}${query}` }, snapshotList)
  return writeOut(flags, list, () => {
    const { reaches, fulls } = list
    return columns([
      ['WHAT', 'REVISION', 'TIME', 'SIZE'],
      ...fulls.map(fullLine),
      ...reaches.map(({ from, to, since, until, bytes }) => [
        'every revision',
        `${from}–${to}`,
        `${since} – ${until}`,
        shownBytes(bytes),
      ]),
    ])
  })
}

function fullLine({ revision, time, bytes }: Full): readonly string[] {
  return ['full', String(revision), time, shownBytes(bytes)]
}

/** Reads all of it back, step by step. Fails where anything is damaged. Throws Failure. */
export async function verifySnapshots(
  args: readonly string[],
  environment: Environment,
): Promise<string> {
  const { flags, path, api, name } = given('verify', args, environment)
  const bar = new ProgressBar(`Verifying ${name}`)
  const problems: string[] = []
  let objects = 0
  let bytes = 0
  try {
    for (let after: string | undefined = ''; after !== undefined;) {
      const body = {
        ...(flags.generation !== '' && { generation: flags.generation }),
        ...(after !== '' && { after }),
      }
      const request = { method: 'POST', path: `${path}/verification`, body } as const
      const step: z.output<typeof verification> = await api.ask(request, verification)
      objects += step.objects
      bytes += step.bytes
      problems.push(...(step.problem === undefined ? [] : [step.problem]))
      bar.show(step.next === undefined ? 1 : 0, `${objects} objects, ${shownBytes(bytes)}`)
      after = step.next
    }
  } finally {
    bar.end()
  }
  if (problems.length > 0) {
    throw new Failure(`the snapshots of ${name} are damaged: ${problems.join('; ')}`)
  }
  return writeOut(
    flags,
    { objects, bytes },
    () => `Snapshots of ${name} are whole: ${objects} objects, ${shownBytes(bytes)}`,
  )
}

/** Deletes what the retention does not keep. Throws Failure. */
export async function pruneSnapshots(
  args: readonly string[],
  environment: Environment,
): Promise<string> {
  const { flags, path, api } = given('prune', args, environment)
  const dryRun = flags['dry-run']
  const body = { dryRun, ...(flags.generation !== '' && { generation: flags.generation }) }
  const gone = await api.ask({ method: 'POST', path: `${path}/prune`, body }, pruned)
  return writeOut(flags, gone, () => {
    const { objects, bytes, fulls } = gone
    const what = dryRun ? 'would be deleted' : 'deleted'
    return columns([
      ...fulls.map(fullLine),
      [`${objects} objects ${what}, ${shownBytes(bytes)}`, '', '', ''],
    ])
  })
}

function given(command: string, args: readonly string[], environment: Environment) {
  const { flags, operands } = parseClientFlags(snapshotTable, args, environment)
  if (operands.length > 0) {
    throw new Failure(`snapshot ${command} takes no arguments`, 2)
  }
  const name = keyspaceFrom(`snapshot ${command}`, flags)
  return { flags, name, path: `/keyspaces/${name}/snapshots`, api: new ApiClient(flags) }
}
