import { expect, test } from 'vitest'
import { mergeKeys, mergeSteps, placeOf, type Series } from './series.ts'

const series = (key: string, kind: Series['kind'], steps: number[]): Series => ({
  key,
  kind,
  steps,
  count: steps.length,
})
const runs = [
  [series('samples', 'IMAGE', [0, 10, 20]), series('b', 'TEXT', [5])],
  [series('samples', 'IMAGE', [0, 15])],
]

test('keys and steps of several runs', () => {
  expect(mergeKeys(runs)).toEqual([
    { key: 'b', kind: 'TEXT', count: 1 },
    { key: 'samples', kind: 'IMAGE', count: 5 },
  ])
  expect(mergeSteps(runs)).toEqual([0, 5, 10, 15, 20])
  expect(mergeSteps([])).toEqual([])
})

test.each([
  [null, 4],
  [10, 2],
  [12, 2],
  [-5, 0],
  [99, 4],
])('step %s is at %d', (step, place) => expect(placeOf([0, 5, 10, 15, 20], step)).toBe(place))
