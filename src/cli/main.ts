import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import workerd from 'workerd'
import { ETCD_VERSION } from '../protocol/version.ts'
import { bridge } from './bridge.ts'
import { buildBundle } from './bundle.ts'
import { Failure, systemErrorCode } from './failure.ts'
import { bridgeHelpText, helpText, keyspaceHelpText, tokenHelpText } from './help.ts'
import { keyspaceCommand } from './keyspace.ts'
import { serve } from './serve.ts'
import { tokenCommand } from './token.ts'

async function main(args: readonly string[]): Promise<void> {
  const [first, ...rest] = args
  switch (first) {
    case '-h':
    case '-help':
    case '--help':
      return print(helpText())
    case '-version':
    case '--version':
      return print(versionText())
    case 'build':
      return print([...(await buildBundle()).values()].join('\n'))
    case 'bridge':
      return asksForHelp(rest) ? print(bridgeHelpText()) : bridge(rest, process.env)
    case 'keyspace':
      return print(
        asksForHelp(rest) ? keyspaceHelpText() : await keyspaceCommand(rest, process.env),
      )
    case 'token':
      return print(asksForHelp(rest) ? tokenHelpText() : await tokenCommand(rest, process.env))
    case 'serve':
      return serve(rest, process.env)
    default:
      return serve(args, process.env)
  }
}

function asksForHelp([first = '']: readonly string[]): boolean {
  return /^--?h(elp)?$/.test(first)
}

function versionText(): string {
  const file = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')
  const { version } = JSON.parse(file) as { version: string }
  return [
    `etcd Version: ${ETCD_VERSION}`,
    `etcdurable Version: ${version}`,
    `workerd Version: ${workerd.version}`,
    `Node.js Version: ${process.versions.node}`,
    `OS/Arch: ${process.platform}/${process.arch}`,
  ].join('\n')
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  const failure = asFailure(error)
  process.stderr.write(`etcdurable: ${failure.message}\n`)
  process.exitCode = failure.exitCode
}
// A connection that its client holds open keeps no server from ending.
process.exit()

/** A full disk and the like are no bugs of ours; anything else that is thrown is, and keeps its stack. */
function asFailure(error: unknown): Failure {
  if (error instanceof Failure) {
    return error
  }
  if (error instanceof Error && systemErrorCode(error) !== undefined) {
    return new Failure(error.message)
  }
  throw error
}
