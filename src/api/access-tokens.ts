import * as z from 'zod'
import { keyspaceName } from '../config/keyspace-name.ts'

/** A hundred years of 365 days, in seconds. */
const TTL_SECONDS_MAX = 3_153_600_000

const description = z.string().max(200).describe('What the token is for.')

const ttlSeconds = z
  .int()
  .min(1)
  .max(TTL_SECONDS_MAX)
  .optional()
  .describe('How long the token lives; until it is revoked, where this is missing.')

const access = z
  .enum(['read-only', 'read-write'])
  .describe('Whether the token may change anything in its keyspace.')

const commonNames = z
  .boolean()
  .describe('Whether a bridge with the token may say which certificates its clients have shown.')

/** The path's part that names a token. */
const id = z
  .string()
  .regex(/^[\da-f]{16}$/, 'must be the 16 digits of a token')
  .describe('What an access token shows of itself between its first and its last underscore.')

export const namedAdministratorToken = z.object({ id })
export const namedAccessToken = z.object({
  name: keyspaceName.describe('The name of a keyspace.'),
  id,
})

export const newAdministratorToken = z
  .strictObject({ description: description.default(''), ttlSeconds })
  .meta({ id: 'NewAdministratorToken' })

export const newAccessToken = z
  .strictObject({
    description: description.default(''),
    access: access.default('read-write'),
    commonNames: commonNames.default(false),
    ttlSeconds,
  })
  .meta({ id: 'NewAccessToken' })

const administratorTokenFields = {
  id,
  description,
  created: z.iso.datetime(),
  expires: z.iso.datetime().optional().describe('Missing for never.'),
}

const accessTokenFields = { ...administratorTokenFields, access, commonNames }

const token = z.string().describe('The token itself, which is told here and never again.')

export const administratorToken = z
  .object(administratorTokenFields)
  .meta({ id: 'AdministratorToken' })
export const accessToken = z.object(accessTokenFields).meta({ id: 'AccessToken' })

export const createdAdministratorToken = z
  .object({ ...administratorTokenFields, token })
  .meta({ id: 'CreatedAdministratorToken' })
export const createdAccessToken = z
  .object({ ...accessTokenFields, token })
  .meta({ id: 'CreatedAccessToken' })

export const administratorTokenList = z
  .object({ tokens: z.array(administratorToken).describe('The oldest first.') })
  .meta({ id: 'AdministratorTokenList' })
export const accessTokenList = z
  .object({ tokens: z.array(accessToken).describe('The oldest first.') })
  .meta({ id: 'AccessTokenList' })
