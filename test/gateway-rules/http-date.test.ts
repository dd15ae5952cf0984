import { expect, it, vi } from 'vitest'
import { httpDate } from '../../src/gateway-rules/http-date.ts'

it('[GTW40] a second has one text, which is made once', () => {
  const print = vi.spyOn(Date.prototype, 'toUTCString')
  const start = Date.UTC(2026, 10, 9, 8, 7, 6)
  const texts = [0, 1, 999, 1000, 1999].map((later) => httpDate(start + later))
  expect(new Set(texts)).toEqual(
    new Set(['Mon, 09 Nov 2026 08:07:06 GMT', 'Mon, 09 Nov 2026 08:07:07 GMT']),
  )
  expect(print).toHaveBeenCalledTimes(2)
  print.mockRestore()
})
