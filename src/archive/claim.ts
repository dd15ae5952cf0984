import * as z from 'zod'
import { decodeObject, encodeObject, parsed } from './container.ts'
import { origin } from './origin.ts'

const claim = z.object({
  ...origin.shape,
  /** Of who claims it, chosen at random: a claim whose answer was lost is known by it. */
  claimant: z.string(),
  /** In ms since 1970. */
  time: z.int(),
})

/** Who writes under an epoch: whoever has created this object. */
export type Claim = z.output<typeof claim>

export function encodeClaim(content: Claim): Uint8Array<ArrayBuffer> {
  return encodeObject('claim', content).bytes
}

/** Throws ArchiveDamage. */
export function decodeClaim(bytes: Uint8Array): Claim {
  return parsed(claim, decodeObject('claim', bytes).header)
}
