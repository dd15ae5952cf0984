import { keyspaceName } from '../config/keyspace-name.ts'
import { Failure } from './failure.ts'

/** The one operand of a command of keyspaces. Throws Failure. */
export function onlyName(command: string, [name, ...others]: readonly string[]): string {
  if (name === undefined || others.length > 0) {
    throw new Failure(`keyspace ${command} takes the name of one keyspace`, 2)
  }
  return checkedName(name)
}

/** Throws Failure. */
export function checkedName(name: string): string {
  const problem = keyspaceName.safeParse(name).error?.issues[0]?.message
  if (problem !== undefined) {
    throw new Failure(`invalid keyspace name "${name}": ${problem}`, 2)
  }
  return name
}
