import { FileProblem } from '../etcd-file/file-problem.ts'
import { Failure } from './failure.ts'
import { parseClientFlags } from './flags.ts'
import { checkedName } from './keyspace-arguments.ts'
import { migrateTable } from './migrate/flag-table.ts'
import { Move } from './migrate/move.ts'
import { CompactedFailure } from './migrate/watch.ts'
import { untilSignal } from './signals.ts'
import type { Environment } from './subcommand.ts'

/** A source that is compacted faster than it is copied will not stop being so. */
const ATTEMPTS_MAX = 3

/**
 * `migrate`: moves a living etcd into a new keyspace, and resolves to what is to be printed when it has cut
 * over. How far it is goes to stderr. Throws Failure.
 */
export async function migrateCommand(
  args: readonly string[],
  environment: Environment,
): Promise<string> {
  const { flags, operands } = parseClientFlags(migrateTable, args, environment)
  if (operands.length > 0) {
    throw new Failure('migrate takes no arguments but flags', 2)
  }
  if (flags.from.length === 0 || flags.keyspace === '') {
    throw new Failure('migrate needs an etcd and a new keyspace: --from URL --keyspace NAME', 2)
  }
  checkedName(flags.keyspace)
  // grpc-js names a server in TLS by whatever its URL does, of which Node warns where that is an address.
  process.noDeprecation = true
  const stop = new AbortController()
  void untilSignal().then(() => stop.abort())
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Move(flags, { told: tell, stop: stop.signal }).run()
    } catch (error) {
      if (error instanceof FileProblem) {
        throw new Failure(`the source ${error.message}`)
      }
      if (!(error instanceof CompactedFailure) || attempt === ATTEMPTS_MAX) {
        throw error
      }
      tell(`${error.message}: beginning anew`)
    }
  }
}

function tell(line: string): void {
  process.stderr.write(`etcdurable: ${line}\n`)
}
