import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FollowerClass } from './world.ts'

/** A line of the protocol that is spoilt: what it says, and what it says then. */
export interface Flaw {
  readonly name: string
  readonly file: string
  readonly text: string
  readonly instead: string
}

const sources = join(import.meta.dirname, '..', '..', 'src')

/** The follower with a flaw, from a copy of its sources in the folder. */
export async function brokenFollower(flaw: Flaw, folder: string): Promise<FollowerClass> {
  const copy = join(folder, flaw.name.replaceAll(' ', '-'))
  mkdirSync(copy)
  for (const file of readdirSync(join(sources, 'follow'))) {
    const text = readFileSync(join(sources, 'follow', file), 'utf8')
    const spoilt = file === flaw.file ? spoil(text, flaw) : text
    writeFileSync(join(copy, file), spoilt.replaceAll(/(from ')\.\.\//g, `$1${sources}/`))
  }
  const module = (await import(pathToFileURL(join(copy, 'follower.ts')).href)) as {
    readonly Follower: FollowerClass
  }
  return module.Follower
}

function spoil(source: string, { name, text, instead }: Flaw): string {
  const parts = source.split(text)
  if (parts.length !== 2) {
    throw new Error(`${name}: its line is there ${parts.length - 1} times`)
  }
  return parts.join(instead)
}
