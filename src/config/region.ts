/**
 * Where a replica can be: the location hints that Cloudflare has for every plan
 * (https://developers.cloudflare.com/durable-objects/reference/data-location/#provide-a-location-hint).
 */
export const regions = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const

export type Region = (typeof regions)[number]
