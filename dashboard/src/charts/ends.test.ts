import { expect, test } from 'vitest'
import { spread } from './ends.ts'

test('labels with room stay where their curves end', () => {
  expect(spread([], [0, 100], 12)).toEqual([])
  expect(spread([50], [0, 100], 12)).toEqual([50])
  expect(spread([80, 20, 50], [0, 100], 12)).toEqual([80, 20, 50])
})

test('labels that would cover each other move apart, none far', () => {
  expect(spread([50, 50], [0, 100], 12)).toEqual([44, 56])
  expect(spread([50, 48, 90], [0, 100], 12)).toEqual([55, 43, 90])
})

test('they stay within the chart', () => {
  expect(spread([0, 0, 2], [0, 100], 12)).toEqual([0, 12, 24])
  expect(spread([100, 99], [0, 100], 12)).toEqual([100, 88])
  expect(spread([5, 5, 5], [0, 10], 12)).toEqual([0, 5, 10])
})
