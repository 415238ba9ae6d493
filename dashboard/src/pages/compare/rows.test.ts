import { expect, test } from 'vitest'
import { change, type Facts, toRows } from './rows.ts'

const facts = (runs: Record<string, Record<string, string>>): Facts =>
  new Map(
    Object.entries(runs).map(([id, values]) => [
      id,
      new Map(Object.entries(values).map(([key, text]) => [key, { text }])),
    ]),
  )

const sections = [
  {
    name: 'Params',
    facts: facts({ a: { lr: '0.1', layer10: '1', layer2: '1' }, b: { lr: '0.2', layer2: '1' } }),
  },
  { name: 'Tags', facts: facts({ a: {}, b: {} }) },
]
const asked = { isAll: false, search: '', folded: new Set<string>() }

test('rows that differ, under their head', () => {
  expect(toRows(sections, ['a', 'b'], asked)).toEqual([
    { kind: 'head', name: 'Params', shown: 2, total: 3, isOpen: true },
    {
      kind: 'value',
      section: 'Params',
      key: 'layer10',
      values: [{ text: '1' }, undefined],
      differs: true,
    },
    {
      kind: 'value',
      section: 'Params',
      key: 'lr',
      values: [{ text: '0.1' }, { text: '0.2' }],
      differs: true,
    },
  ])
})

test('all rows, those found, and none where it is folded', () => {
  const keys = (question: Partial<typeof asked>) =>
    toRows(sections, ['a', 'b'], { ...asked, ...question }).map((row) =>
      row.kind === 'head' ? `# ${row.name}` : row.key,
    )
  expect(keys({ isAll: true })).toEqual(['# Params', 'layer2', 'layer10', 'lr'])
  expect(keys({ isAll: true, search: 'LAYER' })).toEqual(['# Params', 'layer2', 'layer10'])
  expect(keys({ folded: new Set(['Params']) })).toEqual(['# Params'])
})

test.each([
  [1.1, 1, '+10%'],
  [0.968, 1, '−3.2%'],
  [1, 1, ''],
  [1, 0, ''],
  [1.0000001, 1, ''],
  [-1, -2, '+50%'],
])('%d against %d is %s', (now, then, text) => {
  expect(change({ text: '', number: now }, { text: '', number: then })).toBe(text)
})
