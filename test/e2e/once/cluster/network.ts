// Machines in network namespaces of this one, around a router where ways can be cut.
import { execFile, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { promisify } from 'node:util'
import type { Place } from '../../../oracle/place.ts'

/** A network of its own for a program, or the one that this process is in. */
export interface Machine extends Place {
  readonly name: string
}

/** One direction. */
export interface Way {
  readonly from: Machine
  readonly to: Machine
}

export function bothWays(one: Machine, others: readonly Machine[]): readonly Way[] {
  return others.flatMap((other) => [
    { from: one, to: other },
    { from: other, to: one },
  ])
}

/** This machine does not let namespaces be made: `message` is the word with which a test skips itself. */
export class NetworkRefused extends Error {
  override readonly name = 'NetworkRefused'
}

/** 100.64.0.0/10 has so many networks of 256 addresses, and a link takes four of them. */
const NETWORKS = 1 << 14
const CLAIMS_MAX = 5
/** A machine whose packets come by one way and leave by none is no spoof here. */
const ROUTES = `for setting in ip_forward:1 conf/all/rp_filter:0 conf/default/rp_filter:0
do echo \${setting#*:} > /proc/sys/net/ipv4/\${setting%:*} || exit 1; done`

/** Each machine has a link to the router alone, since bridges may be filtered by the machine's own rules. */
export class Network {
  /** Where this process is. */
  readonly clients: Machine
  readonly #machines: readonly Machine[]
  readonly #name: string
  readonly #number: number
  #cut: readonly Way[] = []
  readonly #closeWithCaller = (): void => this.#namespaces.forEach((name) => deleteNow(name))

  private constructor(number: number, names: readonly string[]) {
    this.#number = number
    this.#name = nameOf(number)
    this.clients = { name: 'clients', host: this.#host(0), enter: [] }
    this.#machines = names.map((name, place) => ({
      name,
      host: this.#host(place + 1),
      enter: ['ip', 'netns', 'exec', this.#namespaceOf(name)],
    }))
  }

  /** Rejects with NetworkRefused where that is not to be had. */
  static async make(names: readonly string[]): Promise<Network> {
    const network = new Network(await claim(), names)
    process.once('exit', network.#closeWithCaller)
    try {
      await network.#build()
    } catch (error) {
      await network.close()
      throw error
    }
    return network
  }

  machine(name: string): Machine {
    const found = this.#machines.find((machine) => machine.name === name)
    if (found === undefined) {
      throw new Error(`${name} is no machine of this network`)
    }
    return found
  }

  /** From now on nothing passes on those ways, and nobody is told; on all others everything does. */
  async cut(ways: readonly Way[]): Promise<void> {
    const rule = ({ from, to }: Way): string => `from ${from.host} to ${to.host} blackhole`
    const before = this.#cut.map((way) => `rule del ${rule(way)}`)
    this.#cut = ways
    await batch([...before, ...ways.map((way) => `rule add ${rule(way)}`)], this.#name)
  }

  async close(): Promise<void> {
    process.off('exit', this.#closeWithCaller)
    // The other end of the clients' link goes with the router.
    for (const name of this.#namespaces) {
      await run(['netns', 'del', name]).catch(unlessMissing)
    }
  }

  get #namespaces(): readonly string[] {
    return [...this.#machines.map(({ name }) => this.#namespaceOf(name)), this.#name]
  }

  #namespaceOf(machine: string): string {
    return `${this.#name}-${machine}`
  }

  /** Of a link's four addresses, the router has the second and the machine the third. */
  #host(link: number, place = 2): string {
    return `100.${64 + (this.#number >> 8)}.${this.#number & 255}.${link * 4 + place}`
  }

  async #build(): Promise<void> {
    await run(['netns', 'exec', this.#name, 'sh', '-c', ROUTES])
    await batch(['link set lo up'], this.#name)
    for (const [place, { name, host }] of this.#machines.entries()) {
      const namespace = this.#namespaceOf(name)
      await run(['netns', 'add', namespace])
      await this.#join(place + 1, `link add ${name} type veth peer name eth0 netns ${namespace}`)
      const router = this.#host(place + 1, 1)
      await batch(
        [
          'link set lo up',
          `address add ${host}/30 dev eth0`,
          'link set eth0 up',
          `route add default via ${router}`,
        ],
        namespace,
      )
    }
    const ours = this.#name
    // udev would give it another one as soon as it sees it.
    const address = `02:00:00:00:${hex(this.#number >> 8)}:${hex(this.#number & 255)}`
    await this.#join(
      0,
      `link add clients type veth peer name ${ours} address ${address} netns ${process.pid}`,
    )
    await batch([
      `address add ${this.clients.host}/30 dev ${ours}`,
      `link set ${ours} up`,
      `route add ${this.#host(0, 0)}/24 via ${this.#host(0, 1)}`,
    ])
  }

  /** The router's end of a link, whose name is the third word that makes it. */
  async #join(link: number, made: string): Promise<void> {
    const [, , name = ''] = made.split(' ')
    const address = `address add ${this.#host(link, 1)}/30 dev ${name}`
    await batch([made, address, `link set ${name} up`], this.#name)
  }
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

function nameOf(number: number): string {
  return `etcd-${number}`
}

/** The number of a network that nobody has: the first of its namespaces is made, or is there already. */
async function claim(): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const number = randomInt(NETWORKS)
    try {
      await run(['netns', 'add', nameOf(number)])
      return number
    } catch (error) {
      if (!String(error).includes('File exists') || attempt === CLAIMS_MAX) {
        throw error
      }
    }
  }
}

/** Commands of `ip`, in a namespace or where this process is. */
async function batch(commands: readonly string[], namespace?: string): Promise<void> {
  const where = namespace === undefined ? [] : ['-n', namespace]
  await run([...where, '-batch', '-'], commands.join('\n'))
}

/** No such program, no right to use it, or a kernel without that. */
const refusal =
  /ENOENT|not permitted|Permission denied|Read-only file system|not supported|Unknown device type/

async function run(args: readonly string[], input = ''): Promise<void> {
  const running = promisify(execFile)('ip', args)
  // Where there is no such program, the error is that of the process.
  running.child.stdin?.on('error', () => undefined).end(input)
  try {
    await running
  } catch (error) {
    const { stderr = '', message } = error as Error & { readonly stderr?: string }
    const said = stderr.trim() || message
    throw refusal.test(said)
      ? new NetworkRefused(`no network namespaces: ${said}`)
      : new Error(`ip ${args.join(' ')}: ${said}\n${input}`)
  }
}

function unlessMissing(error: unknown): void {
  if (!String(error).includes('No such file')) {
    throw error
  }
}

function deleteNow(namespace: string): void {
  spawnSync('ip', ['netns', 'del', namespace])
}
