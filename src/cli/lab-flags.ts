import * as z from 'zod'
import type { Region } from '../config/region.ts'
import { isRegion } from '../lab/places.ts'
import * as schemas from './flag-schemas.ts'
import type { FlagsOf, FlagTable } from './flag-spec.ts'

/** The flags of `lab`. */
export const labTable = {
  'regions': {
    section: 'Member',
    fallback: 'weur,enam,apac,sam,oc,afr',
    help: 'Regions, with commas between; the first one leads.',
    schema: z.string().transform((given, context): readonly Region[] => {
      const names = [...new Set(given.split(',').map((name) => name.trim()))]
      const wrong = names.find((name) => !isRegion(name))
      if (wrong !== undefined) {
        context.addIssue(`there is no region "${wrong}"`)
        return z.NEVER
      }
      return names.filter((name) => isRegion(name))
    }),
  },
  'rtt': {
    section: 'Member',
    fallback: '',
    fallbackShown: 'as measured',
    help: 'Round trips that are other than measured: weur-apac=250,enam-oc=300 in milliseconds, or a file of such lines.',
    schema: schemas.text,
  },
  'listen-url': {
    section: 'Member',
    fallback: 'http://127.0.0.1:2400',
    help: 'URL of the page, on this machine. The regions have the ports behind it; port 0 takes free ones.',
    schema: schemas.listenUrls,
  },
  'log-level': {
    section: 'Logging',
    fallback: 'error',
    help: 'What the regions log: debug, info, warn, error, panic, or fatal.',
    schema: z.enum(['debug', 'info', 'warn', 'error', 'panic', 'fatal']),
  },
} as const satisfies FlagTable

export type LabFlags = FlagsOf<typeof labTable>
