import { expect, test } from 'vitest'
import { toHeat } from './heat.ts'

test('each column is spread over the same rows and shares of its greatest', () => {
  const columns = {
    steps: [0, 1],
    bins: [2, 1],
    edges: [0, 1, 2, 0, 4],
    counts: [1, 3, 8],
  }
  const cells = [...toHeat(columns, 0, 4, 4)]
  expect(cells.slice(0, 4).map((cell) => Number(cell.toFixed(3)))).toEqual([0.333, 1, 0, 0])
  expect(cells.slice(4)).toEqual([1, 1, 1, 1])
})

test('a column without counts is empty', () => {
  const columns = { steps: [0], bins: [1], edges: [0, 1], counts: [0] }
  expect([...toHeat(columns, 0, 1, 2)]).toEqual([0, 0])
})
