import { openSync, writeSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'
import { Failure, systemErrorCode } from './failure.ts'

/** Writes a line, which ends with a newline. */
export type WriteLine = (line: string) => void

const toStandardError: WriteLine = (line) => void process.stderr.write(line)
const toStandardOutput: WriteLine = (line) => void process.stdout.write(line)

/**
 * The outputs of `--log-outputs`: `default`, `stderr`, `stdout` or the path of a file, which is appended
 * to. As in etcd, /dev/null among them discards all. Throws Failure.
 */
export function openLogOutputs(names: readonly string[]): readonly WriteLine[] {
  if (names.includes('/dev/null')) {
    return []
  }
  const opened = names.map((name) => {
    switch (name) {
      case 'default':
      case 'stderr':
        return toStandardError
      case 'stdout':
        return toStandardOutput
      default:
        return toFile(name)
    }
  })
  return [...new Set(opened)]
}

function toFile(path: string): WriteLine {
  const file = openToAppend(path)
  return (line) => {
    try {
      writeSync(file, line)
    } catch (error) {
      // A full disk ends no server that can still read. The line is not lost.
      toStandardError(line)
      toStandardError(`cannot write to ${path}: ${String(error)}\n`)
    }
  }
}

function openToAppend(path: string): number {
  try {
    return openSync(path, 'a')
  } catch (error) {
    const isSystem = error instanceof Error && systemErrorCode(error) !== undefined
    const why =
      isSystem && 'errno' in error ? getSystemErrorMessage(Number(error.errno)) : String(error)
    throw new Failure(`cannot open the log output "${path}": ${why}`)
  }
}
