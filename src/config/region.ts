/**
 * Where a replica can be: the location hints that Cloudflare has for every plan
 * (https://developers.cloudflare.com/durable-objects/reference/data-location/#provide-a-location-hint).
 */
export const regions = ['wnam', 'enam', 'sam', 'weur', 'eeur', 'apac', 'oc', 'afr', 'me'] as const

export type Region = (typeof regions)[number]

export interface Coordinates {
  /** In degrees. */
  readonly latitude: number
  readonly longitude: number
}

/** Of a town in each that has a large data centre. */
const centres: Readonly<Record<Region, Coordinates>> = {
  wnam: { latitude: 37.3, longitude: -121.9 },
  enam: { latitude: 39, longitude: -77.5 },
  sam: { latitude: -23.5, longitude: -46.6 },
  weur: { latitude: 52.4, longitude: 4.9 },
  eeur: { latitude: 52.2, longitude: 21 },
  apac: { latitude: 1.35, longitude: 103.8 },
  oc: { latitude: -33.9, longitude: 151.2 },
  afr: { latitude: -26.2, longitude: 28 },
  me: { latitude: 25.2, longitude: 55.3 },
}

export function isRegion(text: string): text is Region {
  return (regions as readonly string[]).includes(text)
}

/** The region whose centre is nearest, of several the first one; undefined where there is none to choose from. */
export function nearestRegion(to: Coordinates, among: readonly Region[]): Region | undefined {
  let nearest: Region | undefined
  let least = Infinity
  for (const region of among) {
    const distance = angle(to, centres[region])
    if (distance < least) {
      least = distance
      nearest = region
    }
  }
  return nearest
}

/** Between two places, as seen from the middle of the earth, in radians. */
function angle(one: Coordinates, other: Coordinates): number {
  const [latitude, otherLatitude] = [radians(one.latitude), radians(other.latitude)]
  const between = radians(one.longitude - other.longitude)
  const cosine =
    Math.sin(latitude) * Math.sin(otherLatitude) +
    Math.cos(latitude) * Math.cos(otherLatitude) * Math.cos(between)
  return Math.acos(Math.max(-1, Math.min(1, cosine)))
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
