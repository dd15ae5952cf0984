import * as z from 'zod'
import type { Endpoint } from './api-endpoint.ts'

/** Of every endpoint. */
const refusals = {
  400: 'The request is wrong; the message says what about it.',
  401: 'No access token that is valid came with the request.',
  403: 'The access token does not reach so far.',
  503: 'It cannot be done now. Asking again goes on with what was begun.',
}

const refusal = z
  .object({
    code: z.int().describe('A status code of gRPC.'),
    message: z.string(),
  })
  .meta({ id: 'Refusal' })

type Json = Readonly<Record<string, unknown>>

/** The OpenAPI 3.1 document of the endpoints, whose dialect of JSON Schema is zod's. */
export function openApiDocument(endpoints: readonly Endpoint[]): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const endpoint of endpoints) {
    const operations = (paths[endpoint.path] ??= {})
    operations[endpoint.method.toLowerCase()] = operation(endpoint)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'etcdurable',
      version: '1',
      description:
        'Keyspaces and access tokens of a deployment. Each keyspace speaks etcd’s v3 API.',
    },
    servers: [{ url: '/' }],
    security: [{ accessToken: [] }],
    paths,
    components: {
      securitySchemes: { accessToken: { type: 'http', scheme: 'bearer' } },
      schemas: namedSchemas(),
    },
  }
}

function operation({ id, summary, params, query, success, ...rest }: Endpoint): Json {
  const content = contentOf(rest)
  const responses = Object.entries({ ...refusals, ...rest.refusals }).map(
    ([status, description]) => [status, { description, content: json(refusal) }],
  )
  return {
    operationId: id,
    summary,
    parameters: [...parameters('path', params), ...parameters('query', query)],
    ...(content && { requestBody: { required: true, content } }),
    responses: {
      [success.status]: {
        description: success.description,
        ...(success.schema && { content: json(success.schema) }),
      },
      ...Object.fromEntries(responses),
    },
  }
}

function contentOf({ body, bytes }: Pick<Endpoint, 'body' | 'bytes'>): Json | undefined {
  return bytes === undefined
    ? body && json(body)
    : { 'application/octet-stream': { schema: { description: bytes.description } } }
}

function parameters(place: 'path' | 'query', schema: z.ZodObject | undefined): readonly Json[] {
  const fields: Readonly<Record<string, z.core.$ZodType>> = schema?.shape ?? {}
  return Object.entries(fields).map(([name, field]) => {
    const { description, ...rest } = schemaOf(field)
    const required = place === 'path' || !z.safeParse(field, undefined).success
    return { name, in: place, required, description, schema: rest }
  })
}

function json(schema: z.ZodType): Json {
  return { 'application/json': { schema: schemaOf(schema) } }
}

const uri = (id: string): string => `#/components/schemas/${id}`

/** A reference where the schema has a name. */
function schemaOf(schema: z.core.$ZodType): Json {
  const id = z.globalRegistry.get(schema)?.id
  return id === undefined
    ? withoutMarks(z.toJSONSchema(schema, { io: 'input' }))
    : { $ref: uri(id) }
}

function namedSchemas(): Json {
  const { schemas } = z.toJSONSchema(z.globalRegistry, { io: 'input', uri })
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => [id, withoutMarks(schema)]),
  )
}

/** The document says which dialect it is, and where each of its schemas stands. */
function withoutMarks({ $schema: _, $id: __, ...schema }: Json): Json {
  return schema
}
