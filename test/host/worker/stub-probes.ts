import type { SubjectEnv } from './words.ts'
import { tell, thrown } from './words.ts'

type CallerProbe = (env: SubjectEnv, object: string, args: never) => unknown

/** What an error that came from an object is like. */
async function caught(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
  } catch (error) {
    const { name, message, extra, code } = error as Error & { extra?: unknown; code?: unknown }
    return tell({
      name,
      message,
      extra: extra ?? null,
      code: code ?? null,
      type: (error as object).constructor.name,
      remote: (error as { remote?: unknown }).remote === true ? 1 : 0,
    })
  }
  return 'nothing'
}

/** What runs in the Worker that calls. */
export const callerProbes: Readonly<Record<string, CallerProbe>> = {
  ids: ({ SUBJECT, OTHER }, object) => {
    const named = SUBJECT.idFromName(object)
    const again = SUBJECT.idFromString(named.toString())
    const stub = SUBJECT.get(named)
    return {
      hex: named.toString(),
      name: named.name ?? null,
      nameOfHex: again.name ?? null,
      equals: named.equals(again),
      others: named.equals(SUBJECT.idFromName(`${object}!`)),
      stub: [stub.id.toString(), stub.id.name ?? null, stub.name ?? null],
      byName: SUBJECT.getByName(object).id.equals(named),
      otherKey: OTHER.idFromName(object).toString(),
      foreign: thrown(() => OTHER.idFromString(named.toString())).split(':')[0],
      short: thrown(() => SUBJECT.idFromString('00')).split(':')[0],
      noHex: thrown(() => SUBJECT.idFromString('x'.repeat(64))).split(':')[0],
      longer: thrown(() => SUBJECT.idFromString(`${named.toString()}zz`)).split(':')[0],
      upper: SUBJECT.idFromString(named.toString().toUpperCase()).toString() === named.toString(),
    }
  },

  /** What each side sees of a value that the other changes. */
  copies: async ({ SUBJECT }, object) => {
    const given = { list: [1, 2, 3], bytes: new Uint8Array([1, 2, 3]) }
    const call = SUBJECT.getByName(object).change(given)
    given.list.push(5)
    const answer = await call
    return { given: tell(given), answer: tell({ list: answer.list, bytes: answer.bytes }) }
  },

  errors: async ({ SUBJECT }, object) => {
    const stub = SUBJECT.getByName(object)
    return {
      plain: await caught(stub.fail('plain')),
      type: await caught(stub.fail('type')),
      fields: await caught(stub.fail('fields')),
      odd: await caught(stub.fail('odd')),
    }
  },

  /** Calls that nobody waits for in between. */
  order: async ({ SUBJECT }, object, [calls]: [number]) => {
    const stub = SUBJECT.getByName(object)
    return Promise.all(Array.from({ length: calls }, (_, place) => stub.note(String(place))))
  },

  /** An object that is not in memory loses nothing of a stub that is held. */
  heldStub: async ({ SUBJECT }, object) => {
    const stub = SUBJECT.getByName(object)
    const before = await stub.probe('born', '[]')
    const aborted = await caught(stub.probe('abort', '["held"]'))
    const now = SUBJECT.getByName(object)
    const after = await now.probe('born', '[]')
    return { aborted, fresh: before !== after }
  },

  /** The methods of a class are those of its base too. */
  inherited: async ({ OTHER }, object) => OTHER.getByName(object).note('inherited'),

  /** By id alone the object does not know its name. */
  byId: async ({ SUBJECT }, object) => {
    const id = SUBJECT.idFromString(SUBJECT.idFromName(object).toString())
    return JSON.parse(await SUBJECT.get(id).probe('name', '[]')) as unknown
  },

  fetches: async ({ SUBJECT }, object) => {
    const stub = SUBJECT.getByName(object)
    const response = await stub.fetch('http://subject/born', { method: 'POST', body: '[]' })
    const born = await response.text()
    return {
      status: response.status,
      header: response.headers.get('X-Subject') === JSON.parse(born),
      type: response.headers.get('Content-Type'),
    }
  },
}
