import { connect } from 'node:http2'
import { describe, expect, it } from 'vitest'
import { etcdMissing } from '../oracle/etcd.ts'
import { servedBesideEtcd } from './beside-etcd.ts'
import { compressed, encodings, malformed, sizes } from './message-probes.ts'
import {
  contentTypes,
  healthProbes,
  metadata,
  paths,
  type Probe,
  type ProbeAnswer,
  requests,
} from './probes.ts'
import { rawCall } from './raw-call.ts'

const pair = servedBesideEtcd()

const groups = [
  { rule: '[GRC2] refuses paths', probes: paths },
  { rule: '[GRC4] refuses what is no gRPC request', probes: requests },
  { rule: '[GRC5] answers content types', probes: contentTypes },
  { rule: '[GRC6] reads and writes gzip', probes: compressed },
  { rule: '[GRC7] knows encodings', probes: encodings },
  { rule: '[GRC8] refuses long messages', probes: sizes },
  { rule: '[GRC9] takes malformed calls', probes: malformed },
  { rule: '[GRC18] tells its health', probes: healthProbes },
  { rule: '[GRC19] reads metadata', probes: metadata },
]

describe.each(groups)('$rule', ({ probes }) => {
  it.for(probes)('$title', async (probe) => {
    expect(await ask(pair().served.url, probe)).toEqual(wholeAnswer(probe.answer))
  })

  it('and so does a real etcd', async ({ skip }) => {
    const { etcd } = pair()
    if (etcd === undefined) {
      return skip(etcdMissing)
    }
    const older = isOlder(etcd.version)
    for (const probe of probes.filter(({ newerEtcdOnly }) => !older || newerEtcdOnly !== true)) {
      expect(await ask(etcd.url, probe), probe.title).toEqual(wholeAnswer(probe.answer))
    }
  })
})

async function ask(url: string, probe: Probe): Promise<unknown> {
  const session = connect(url)
  try {
    const { http, type, encoding, code, message, messages, trailersOnly, reset } = await rawCall(
      session,
      probe,
    )
    const flagsAgree = messages.every((each) => each.startsWith(encoding === 'gzip' ? '01' : '00'))
    const count = messages.length
    // Some builds of Go's protobuf have another kind of space there, lest anyone rely on it.
    const text = message?.replace('proto:%C2%A0', 'proto: ')
    return {
      http,
      type,
      encoding,
      code,
      message: text,
      trailersOnly,
      reset,
      flagsAgree,
      messages: count,
    }
  } finally {
    session.destroy()
  }
}

/** A call without a response has its status in the only block of headers. */
function wholeAnswer(answer: ProbeAnswer): unknown {
  return {
    http: 200,
    type: 'application/grpc',
    encoding: undefined,
    messages: 0,
    trailersOnly: (answer.messages ?? 0) === 0,
    reset: 0,
    flagsAgree: true,
    ...answer,
  }
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < 3 || (major === 3 && minor < 7)
}
