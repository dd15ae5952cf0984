import { type Region, regions } from '../config/region.ts'

/** Where a region is on the map, and the town whose data centre stands for it. */
export interface Place {
  readonly title: string
  readonly town: string
  readonly latitude: number
  readonly longitude: number
}

export const places: Readonly<Record<Region, Place>> = {
  wnam: { title: 'Western North America', town: 'San Jose', latitude: 37.3, longitude: -121.9 },
  enam: { title: 'Eastern North America', town: 'Ashburn', latitude: 39, longitude: -77.5 },
  sam: { title: 'South America', town: 'São Paulo', latitude: -23.5, longitude: -46.6 },
  weur: { title: 'Western Europe', town: 'Amsterdam', latitude: 52.4, longitude: 4.9 },
  eeur: { title: 'Eastern Europe', town: 'Warsaw', latitude: 52.2, longitude: 21 },
  apac: { title: 'Asia-Pacific', town: 'Singapore', latitude: 1.35, longitude: 103.8 },
  oc: { title: 'Oceania', town: 'Sydney', latitude: -33.9, longitude: 151.2 },
  afr: { title: 'Africa', town: 'Johannesburg', latitude: -26.2, longitude: 28 },
  me: { title: 'Middle East', town: 'Dubai', latitude: 25.2, longitude: 55.3 },
}

/**
 * Where the figures come from. Cloudflare publishes none between its location hints; these are of Microsoft's
 * backbone between data centres of the same towns: West US, East US, Brazil South, West Europe, Poland
 * Central, Southeast Asia, Australia East, South Africa North, UAE North.
 */
export const ROUND_TRIP_SOURCE =
  'https://learn.microsoft.com/azure/networking/azure-network-latency (95th percentile, 30 days to 2026-07-30)'

/** Round trips in milliseconds, from each region to those behind it in the order of `regions`. */
const table: Readonly<Record<Region, readonly number[]>> = {
  wnam: [72, 171, 151, 167, 172, 142, 279, 249],
  enam: [119, 89, 104, 229, 207, 226, 190],
  sam: [191, 211, 337, 298, 327, 293],
  weur: [28, 182, 282, 171, 123],
  eeur: [201, 300, 199, 139],
  apac: [98, 190, 90],
  oc: [347, 179],
  afr: [104],
  me: [],
}

/** What lies between two regions, in milliseconds; 0 from one to itself. */
export type RoundTrips = (a: Region, b: Region) => number

export const measuredRoundTrips: RoundTrips = (a, b) => {
  const [first, second] = [regions.indexOf(a), regions.indexOf(b)].toSorted((x, y) => x - y)
  const from = regions[first ?? 0]
  return first === second || from === undefined
    ? 0
    : (table[from][(second ?? 0) - (first ?? 0) - 1] ?? 0)
}

const RTT_MS_MAX = 60_000
const assignment = /^([a-z]+)-([a-z]+)=(\d+(?:\.\d+)?)$/

/** Reads `a-b=ms`, between commas or on lines of their own. Says what is wrong with it otherwise. */
export function readRoundTrips(text: string): RoundTrips | string {
  const given = new Map<string, number>()
  for (const entry of text.split(/[,\n]/).map((one) => one.replace(/#.*/, '').trim())) {
    if (entry === '') {
      continue
    }
    const [, a = '', b = '', ms = ''] = assignment.exec(entry) ?? []
    if (!isRegion(a) || !isRegion(b) || a === b) {
      return `"${entry}" is not REGION-REGION=MILLISECONDS`
    }
    if (Number(ms) > RTT_MS_MAX) {
      return `"${entry}" is over ${RTT_MS_MAX} ms`
    }
    given.set(`${a}-${b}`, Number(ms))
    given.set(`${b}-${a}`, Number(ms))
  }
  return (a, b) => given.get(`${a}-${b}`) ?? measuredRoundTrips(a, b)
}

export function isRegion(name: string): name is Region {
  return regions.some((region) => region === name)
}
