import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FollowerClass } from './world.ts'

/** A line or two of the protocol that are spoilt: what they say, and what they say then. */
export interface Flaw {
  readonly name: string
  readonly edits: readonly Edit[]
}

interface Edit {
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
    const edits = flaw.edits.filter((edit) => edit.file === file)
    const spoilt = edits.reduce(spoil, text)
    writeFileSync(join(copy, file), spoilt.replaceAll(/(from ')\.\.\//g, `$1${sources}/`))
  }
  const module = (await import(pathToFileURL(join(copy, 'follower.ts')).href)) as {
    readonly Follower: FollowerClass
  }
  return module.Follower
}

function spoil(source: string, { text, instead }: Edit): string {
  const parts = source.split(text)
  if (parts.length !== 2) {
    throw new Error(`${text} is there ${parts.length - 1} times`)
  }
  return parts.join(instead)
}
