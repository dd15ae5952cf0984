// The lines of a file of test/golden.
import { readFileSync } from 'node:fs'

export function readGolden(name: string): readonly unknown[] {
  return readFileSync(new URL(`../golden/${name}`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64'))
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
