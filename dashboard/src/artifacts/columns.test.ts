import { expect, test } from 'vitest'
import { isTable, readTable } from './columns.ts'

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

test('what is a table and what is other JSON', () => {
  expect(isTable({ columns: ['a'], data: [[1]] })).toBe(true)
  expect(isTable({ columns: ['a'], data: [{ a: 1 }] })).toBe(false)
  expect(isTable({ data: [[1]] })).toBe(false)
  expect(isTable([1])).toBe(false)
  expect(isTable(null)).toBe(false)
})
