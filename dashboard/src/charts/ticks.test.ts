import { expect, test } from 'vitest'
import { formatTick, withAir } from './ticks.ts'

test('ticks are as precise as they are close', () => {
  expect(formatTick(0.25, 0.05)).toBe('0.25')
  expect(formatTick(0.75, 0.25)).toBe('0.75')
  expect(formatTick(0.3, 0.1)).toBe('0.3')
  expect(formatTick(2, 0.5)).toBe('2.0')
  expect(formatTick(2500, 500)).toBe('2500')
  expect(formatTick(-25000, 5000)).toBe('−25k')
  expect(formatTick(1_500_000, 500_000)).toBe('1.5M')
  expect(formatTick(0.00002, 0.00001)).toBe('2e−5')
  expect(formatTick(0, 10)).toBe('0')
})

test('air around values, also where there is one or none', () => {
  expect(withAir(0, 100, false)).toEqual([-6, 106])
  expect(withAir(5, 5, false)).toEqual([4.5, 5.5])
  expect(withAir(0, 0, false)).toEqual([-1, 1])
  expect(withAir(4, 4, true)).toEqual([2, 8])
  expect(withAir(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true)).toEqual([0.1, 10])
})
