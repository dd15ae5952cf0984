// A process of its own on a directory store: `node directory-process.ts MODE DIRECTORY [NAME]`. What it
// says on its standard output was answered before.
import { randomInt } from 'node:crypto'
import { DirectoryStore } from '../../src/object-directory/directory-store.ts'
import { contentOf } from './named-content.ts'

const [mode = '', directory = '', name = ''] = process.argv.slice(2)
const store = new DirectoryStore(directory)

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Creates objects for ever, each of a length that its key says. */
async function write(): Promise<void> {
  for (let count = 0; ; count++) {
    const key = `${name}/${count % 7}/${count}-${randomInt(1, 200_000)}`
    await store.put(key, contentOf(key), 'absent')
    say(key)
  }
}

/** Creates what others create as well, and counts up what others count up as well. */
async function race(): Promise<void> {
  for (let at = 0; at < 100; at++) {
    if (await store.put(`claims/${at}`, new TextEncoder().encode(name), 'absent')) {
      say(`won ${at}`)
    }
  }
  for (let counted = 0; counted < 50;) {
    const read = await store.get('count')
    const count = Number(new TextDecoder().decode(read?.bytes))
    const next = new TextEncoder().encode(String(count + 1))
    if (await store.put('count', next, { etag: read?.etag ?? '' })) {
      counted++
    }
  }
}

/** One of each, with its end told: for a record of its system calls. */
async function once(): Promise<void> {
  say('begin')
  await store.put('a/b/created', contentOf('a/b/created-10'), 'absent')
  say('created')
  await store.put('a/b/created', contentOf('a/b/replaced-10'))
  say('replaced')
  await store.delete(['a/b/created'])
  say('deleted')
}

const modes = new Map([
  ['write', write],
  ['race', race],
  ['once', once],
])
await modes.get(mode)?.()
