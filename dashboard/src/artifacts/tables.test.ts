import { expect, test } from 'vitest'
import { columnWidths, isNumeric, spellCell } from './tables.ts'

test('cells are one line of text', () => {
  expect([null, 'a', 1.5, true, { b: [1] }].map(spellCell)).toEqual([
    '',
    'a',
    '1.5',
    'true',
    '{"b":[1]}',
  ])
})

test('columns are as wide as what is in them', () => {
  const columns = [
    { name: 'id', type: 'int64' },
    { name: 'text', type: 'string' },
  ]
  const [narrow = 0, wide = 0] = columnWidths(columns, [[1, 'x'.repeat(500)]])
  expect(narrow).toBe(56)
  expect(wide).toBe(320)
})

test.each([
  ['int64', true],
  ['double', true],
  ['decimal128(5, 2)', true],
  ['string', false],
  ['bool', false],
])('%s is numeric: %s', (type, numeric) => expect(isNumeric(type)).toBe(numeric))
