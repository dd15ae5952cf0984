import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PortMetrics } from '../grpc/port-metrics.ts'
import { DurableObjectIds } from '../host/durable-object-id.ts'
import { Regions, type RegionOptions } from '../host/regions.ts'
import { homeLimits } from '../lab/experiment.ts'
import { HOME, HOME_TRUTH, homeDeeds, HomeStage, LAB_KEYSPACE } from '../lab/home-stage.ts'
import { Lab } from '../lab/lab.ts'
import { places, readRoundTrips, ROUND_TRIP_SOURCE, type RoundTrips } from '../lab/places.ts'
import { LabServer } from '../lab/server.ts'
import type { Opening, ToldPlace } from '../lab/told.ts'
import { Failure } from './failure.ts'
import { parseClientFlags, parseServeFlags, workerVariables } from './flags.ts'
import { hostOptions, logConsole } from './host-runtime.ts'
import { type LabFlags, labTable } from './lab-flags.ts'
import { LabPort } from './lab-port.ts'
import { Log } from './log.ts'
import { untilSignal } from './signals.ts'
import type { Environment } from './subcommand.ts'
import { replicaUniqueKey, shardUniqueKey } from './workerd-config.ts'

/** From the directory of keyspaces to each region, in milliseconds. */
const HOME_RTT_MS = 20
/** Short beside TCP's, so that one need not wait long to see what a cut does. */
const LOST_MS = 2_000

/** Serves the lab until SIGTERM, SIGINT or SIGHUP. Throws Failure. */
export async function lab(args: readonly string[], environment: Environment): Promise<void> {
  const stopped = untilSignal()
  const { flags, operands } = parseClientFlags(labTable, args, environment)
  const [listen, ...others] = flags['listen-url']
  if (operands.length > 0) {
    throw new Failure('lab takes no arguments but flags', 2)
  }
  if (
    listen === undefined ||
    others.length > 0 ||
    listen.scheme !== 'http' ||
    !isLocal(listen.host)
  ) {
    throw new Failure('--listen-url has to be one http URL of this machine', 2)
  }
  if (flags.regions.length < 2) {
    throw new Failure('--regions has to name two regions or more', 2)
  }
  const roundTrips = roundTripsOf(flags.rtt)
  const serving = parseServeFlags(['--log-level', flags['log-level']], {}).flags
  const log = new Log(serving)
  const directory = mkdtempSync(join(tmpdir(), 'etcdurable-lab-'))
  try {
    await log.during(() => serveLab({ flags, log, directory, roundTrips, listen, stopped }))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Start {
  readonly flags: LabFlags
  readonly log: Log
  readonly directory: string
  readonly roundTrips: RoundTrips
  readonly listen: { readonly host: string; readonly port: number }
  readonly stopped: Promise<void>
}

async function serveLab(start: Start): Promise<void> {
  const { flags, log, roundTrips, listen, stopped } = start
  logConsole(log)
  const names = flags.regions
  const linkSecret = randomBytes(32).toString('base64url')
  const regions = await openRegions(start, linkSecret)
  const stage = new HomeStage({
    regions,
    names,
    roundTrips,
    leaderId: (region) =>
      region === undefined
        ? new DurableObjectIds(shardUniqueKey).fromName(LAB_KEYSPACE).toString()
        : new DurableObjectIds(replicaUniqueKey).fromName(`${LAB_KEYSPACE}@${region}`).toString(),
  })
  const experiments = new Lab(stage, names)
  const ports: LabPort[] = []
  const urls = new Map<string, string>()
  const opening = (): Opening => openingOf(start, experiments.experiment, urls)
  const server = new LabServer(experiments, stage, opening)
  try {
    const begin = async (): Promise<void> => {
      await experiments.start()
      const port = await server.listen(listen.host, listen.port)
      for (const [place, name] of names.entries()) {
        const ask = (request: Request): ReturnType<Regions['fetch']> => regions.fetch(name, request)
        const own = new LabPort({
          log,
          keyspace: `${LAB_KEYSPACE}@nearest`,
          linkSecret,
          host: { fetch: ask },
        })
        ports.push(own)
        const wanted = listen.port === 0 ? 0 : listen.port + 1 + place
        urls.set(name, await own.listen(listen.host, wanted))
      }
      process.stdout.write(announcement(`http://${listen.host}:${port}/lab/`, urls))
    }
    await Promise.race([stopped, begin()])
    await stopped
  } finally {
    await experiments.stop()
    await Promise.all(ports.map((port) => port.close()))
    await server.close()
    regions.stop()
  }
}

function openRegions(
  { log, directory, roundTrips, flags }: Start,
  linkSecret: string,
): Promise<Regions> {
  const variables = new Map([
    ...workerVariables(parseServeFlags([], {}).flags),
    ['EMBEDDED', 'true'],
    ['ETCDURABLE_LINK_SECRET', linkSecret],
  ])
  const optionsOf = (name: string, cf: object): RegionOptions => {
    const path = join(directory, name)
    mkdirSync(join(path, 'shard'), { recursive: true })
    const portMetrics = new PortMetrics()
    const options = { log, directory: path, variables, portMetrics, snapshots: undefined }
    return { cf, host: hostOptions(options, () => Promise.resolve()) }
  }
  const named = flags.regions.map((name) => {
    const { latitude, longitude, town } = places[name]
    const cf = { latitude: String(latitude), longitude: String(longitude), city: town }
    return [name, optionsOf(name, cf)] as const
  })
  return Regions.open({
    regions: new Map([[HOME, optionsOf(HOME, {})], ...named]),
    rttMs: (a, b) => {
      const [one, other] = [a, b].map((name) => flags.regions.find((region) => region === name))
      return one === undefined || other === undefined ? HOME_RTT_MS : roundTrips(one, other)
    },
    lostMs: LOST_MS,
  })
}

/** Throws Failure. */
function roundTripsOf(given: string): RoundTrips {
  const text = existsSync(given) ? readFileSync(given, 'utf8') : given
  const read = readRoundTrips(text)
  if (typeof read === 'string') {
    throw new Failure(`invalid value for --rtt: ${read}`, 2)
  }
  return read
}

function openingOf(
  { flags }: Start,
  experiment: string,
  urls: ReadonlyMap<string, string>,
): Opening {
  return {
    regions: flags.regions.map((name): ToldPlace => ({
      name,
      ...places[name],
      url: urls.get(name) ?? '',
    })),
    source: flags.rtt === '' ? ROUND_TRIP_SOURCE : '--rtt',
    experiment,
    limits: homeLimits,
    deeds: homeDeeds,
    truth: HOME_TRUTH,
  }
}

function announcement(page: string, urls: ReadonlyMap<string, string>): string {
  const lines = [...urls].map(([name, url]) => `  ${name.padEnd(6)}etcdctl --endpoints ${url} …`)
  return [`The lab is at ${page}`, ...lines, ''].join('\n')
}

function isLocal(host: string): boolean {
  return /^127\.|^::1$/.test(host)
}
