import { Failure } from './failure.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Resolves to what is to be printed. Throws Failure. */
type Subcommand = (args: readonly string[], environment: Environment) => Promise<string>

/** The command of a group, such as `keyspace`, that is named by the first of its words. */
export function subcommands(
  group: string,
  commands: Readonly<Record<string, Subcommand>>,
): Subcommand {
  return ([name = '', ...args], environment) => {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (command === undefined) {
      throw new Failure(`unknown command "${group} ${name}" (see ${group} --help)`, 2)
    }
    return command(args, environment)
  }
}
