import { expect, test } from 'vitest'
import { formatAgo, formatDuration, formatSpan, formatValue } from './format.ts'

test('values keep five digits and say what JSON cannot', () => {
  expect(formatValue(0.123456789)).toBe('0.12346')
  expect(formatValue(-12.5)).toBe('−12.5')
  expect(formatValue(1234567)).toBe('1234567')
  expect(formatValue(0.00001234)).toBe('1.234e−5')
  expect(formatValue(3e12)).toBe('3e12')
  expect(formatValue(0.1 + 0.2)).toBe('0.3')
  expect(formatValue(100.00001)).toBe('100')
  expect(formatValue(Number.NaN)).toBe('NaN')
  expect(formatValue(Number.NEGATIVE_INFINITY)).toBe('−∞')
})

test('durations grow coarser', () => {
  expect(formatDuration(250)).toBe('250 ms')
  expect(formatDuration(4200)).toBe('4.2 s')
  expect(formatDuration(61_000)).toBe('1 m 01 s')
  expect(formatDuration(3 * 3600_000 + 5 * 60_000)).toBe('3 h 05 m')
  expect(formatDuration(26 * 3600_000)).toBe('1 d 02 h')
})

test('spans on an axis follow its ticks', () => {
  expect(formatSpan(0.25, 0.05)).toBe('0.25 s')
  expect(formatSpan(90, 30)).toBe('1:30')
  expect(formatSpan(600, 60)).toBe('10 m')
  expect(formatSpan(5400, 1800)).toBe('1:30 h')
  expect(formatSpan(7200, 3600)).toBe('2 h')
})

test('ages are relative until they are long', () => {
  const now = Date.UTC(2026, 0, 31)
  expect(formatAgo(now - 5_000, now)).toBe('just now')
  expect(formatAgo(now - 300_000, now)).toBe('5 min ago')
  expect(formatAgo(now - 3 * 3600_000, now)).toBe('3 h ago')
})
