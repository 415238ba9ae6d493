import { expect, test } from 'vitest'
import { parseLive, rangeOf, spellLive } from './live.ts'

test('a text is what its type takes', () => {
  expect(parseLive('NUMBER', ' 1e-3 ')).toBe(0.001)
  expect(parseLive('INTEGER', '12')).toBe(12)
  expect(parseLive('TEXT', '12')).toBe('12')
  for (const text of ['', 'x', 'NaN', 'Infinity']) expect(parseLive('NUMBER', text)).toBeUndefined()
  expect(parseLive('INTEGER', '1.5')).toBeUndefined()
})

test('values and ranges are spelled', () => {
  expect(spellLive(0.001)).toBe('0.001')
  expect(spellLive('adam')).toBe('adam')
  expect(rangeOf({ min: 0, max: 1 })).toBe('0 – 1')
  expect(rangeOf({ min: null, max: 1 })).toBe('≤ 1')
  expect(rangeOf({})).toBe('')
})
