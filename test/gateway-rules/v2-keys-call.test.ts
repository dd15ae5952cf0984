import { expect, it } from 'vitest'
import { keysCall } from '../../src/gateway-rules/v2-keys-call.ts'

const call = (query: string, form: string): ReturnType<typeof keysCall> =>
  keysCall({
    method: 'PUT',
    contentType: 'application/x-www-form-urlencoded',
    query,
    body: new TextEncoder().encode(form),
    path: '/a',
    askedPath: '/a',
    credentials: 'none',
  })

it.each(['value=x%20y', 'value=', '', 'value=x&value=z', 'value=%ff'])(
  '[V2K51] a form of a value alone asks for what one with nothing but defaults does: %s',
  (form) => {
    const plain = call('', form)
    expect(plain).toMatchObject({ on: 'keys', method: 'PUT' })
    expect(call('dir=false&prevIndex=0&noValueOnSuccess=0', form)).toEqual(plain)
  },
)

it('[V2K51] it is refused where it is too long or no form', () => {
  const tooLong = call('', `value=${'x'.repeat(1_572_864)}`)
  expect(tooLong).toMatchObject({ on: 'unreadable', refusal: { code: 210 } })
  expect(call('', 'value=%zz')).toMatchObject({ on: 'unreadable', refusal: { code: 210 } })
})
