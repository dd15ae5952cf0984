// What `npm start` runs: the command, with what Node has made of its files kept for the next start.
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

enableCompileCache(join(import.meta.dirname, '..', '..', 'dist', 'compile-cache'))
await import('./main.ts')
