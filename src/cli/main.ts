import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ETCD_VERSION } from '../protocol/version.ts'
import { toldFailure } from './failure.ts'

/** Loads what the command needs and no more, since loading is most of what a start takes. */
async function main(args: readonly string[]): Promise<void> {
  const [first, ...rest] = args
  switch (first) {
    case '-h':
    case '-help':
    case '--help':
      return print((await import('./help.ts')).helpText())
    case '-version':
    case '--version':
      return print(await versionText())
    case 'build':
      return print([...(await (await import('./bundle.ts')).buildBundle()).values()].join('\n'))
    case 'bridge':
      return asksForHelp(rest)
        ? print((await import('./help.ts')).bridgeHelpText())
        : (await import('./bridge.ts')).bridge(rest, process.env)
    case 'keyspace':
      return print(
        asksForHelp(rest)
          ? (await import('./help.ts')).keyspaceHelpText()
          : await (await import('./keyspace.ts')).keyspaceCommand(rest, process.env),
      )
    case 'token':
      return print(
        asksForHelp(rest)
          ? (await import('./help.ts')).tokenHelpText()
          : await (await import('./token.ts')).tokenCommand(rest, process.env),
      )
    case 'snapshot':
      return print(
        asksForHelp(rest)
          ? (await import('./help.ts')).snapshotHelpText()
          : await (await import('./snapshot.ts')).snapshotCommand(rest, process.env),
      )
    case 'get':
      return print(
        asksForHelp(rest)
          ? (await import('./help.ts')).getHelpText()
          : await (await import('./history.ts')).getCommand(rest, process.env),
      )
    case 'diff':
      return print(
        asksForHelp(rest)
          ? (await import('./help.ts')).diffHelpText()
          : await (await import('./history.ts')).diffCommand(rest, process.env),
      )
    case 'backup':
      return print(
        asksForHelp(rest)
          ? (await import('./help.ts')).backupHelpText()
          : await (await import('./backup.ts')).backupCommand(rest, process.env),
      )
    case 'migrate':
      return print(
        asksForHelp(rest)
          ? (await import('./help.ts')).migrateHelpText()
          : await (await import('./migrate.ts')).migrateCommand(rest, process.env),
      )
    case 'lab':
      return asksForHelp(rest)
        ? print((await import('./help.ts')).labHelpText())
        : (await import('./lab.ts')).lab(rest, process.env)
    case 'serve':
      return (await import('./serve.ts')).serve(rest, process.env)
    default:
      return (await import('./serve.ts')).serve(args, process.env)
  }
}

function asksForHelp([first = '']: readonly string[]): boolean {
  return /^--?h(elp)?$/.test(first)
}

async function versionText(): Promise<string> {
  const { default: workerd } = await import('workerd')
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
  const failure = toldFailure(error)
  process.stderr.write(`etcdurable: ${failure.message}\n`)
  process.exitCode = failure.exitCode
}
// A connection that its client holds open keeps no server from ending.
process.exit()
