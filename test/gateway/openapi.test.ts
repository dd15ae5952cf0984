import { expect, it } from 'vitest'
import { endpoints } from '../../src/gateway/api.ts'
import { ask } from './client.ts'

type Json = Readonly<Record<string, unknown>>

interface Operation {
  readonly operationId: string
  readonly responses: Readonly<Record<string, { readonly description: string }>>
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Json>> }
}

const read = async (): Promise<Document> => (await ask('/openapi.json')).json<Document>()

/** Every value of a key, however deep. */
function valuesOf(key: string, value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) {
    return []
  }
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) => [
    ...(name === key ? [inner] : []),
    ...valuesOf(key, inner),
  ])
}

it('[API6] /openapi.json describes every endpoint, once', async () => {
  const document = await read()
  expect(document.openapi).toMatch(/^3\.1\.\d+$/)
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => ({ path, method, operationId })),
  )
  const declared = endpoints.map(({ path, method, id }) => ({
    path,
    method: method.toLowerCase(),
    operationId: id,
  }))
  expect(operations).toEqual(expect.arrayContaining(declared))
  expect(operations.length).toBe(declared.length)
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
})

it('[API6] its references and parameters are all there', async () => {
  const document = await read()
  const names = Object.keys(document.components.schemas).map((id) => `#/components/schemas/${id}`)
  const references = valuesOf('$ref', document)
  expect(references.length).toBeGreaterThan(0)
  expect(names).toEqual(expect.arrayContaining([...new Set(references)]))
  expect(valuesOf('$defs', document)).toEqual([])
  expect(valuesOf('$schema', document)).toEqual([])
  for (const [path, methods] of Object.entries(document.paths)) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    for (const { parameters, responses } of Object.values(methods)) {
      const named = parameters.filter((one) => one.in === 'path').map(({ name }) => name)
      expect(named).toEqual(inPath)
      expect(Object.keys(responses).length).toBeGreaterThan(1)
      expect(Object.values(responses).every(({ description }) => description !== '')).toBe(true)
    }
  }
})
