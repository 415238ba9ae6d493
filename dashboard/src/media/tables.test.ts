import { expect, test } from 'vitest'
import { readTable } from './tables.ts'

test('columns and rows, numbers told apart', () => {
  expect(
    readTable({
      columns: ['a', 'b'],
      data: [
        [1, 'x'],
        [null, 'y'],
      ],
    }),
  ).toEqual({
    columns: [
      { name: 'a', type: 'double' },
      { name: 'b', type: 'string' },
    ],
    data: [
      [1, 'x'],
      [null, 'y'],
    ],
  })
  expect(readTable(null)).toEqual({ columns: [], data: [] })
  expect(readTable({ data: [[1]] }).columns).toEqual([{ name: '0', type: 'double' }])
})
