import { expect, test } from 'vitest'
import { toDiffRows } from './rows.ts'
import { diffTexts } from './texts.ts'

test('two texts, line by line', () => {
  const file = diffTexts('a.py', 'a\nb\nc\n', 'a\nB\nc\n')
  expect(file).toMatchObject({ path: 'a.py', kind: 'changed', added: 1, removed: 1 })
  expect(file?.hunks[0]?.lines.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    'same a',
    'old b',
    'new B',
    'same c',
  ])
  expect(diffTexts('a.py', 'x', 'x')).toBeNull()
  expect(diffTexts('a.py', '', 'x\n')?.kind).toBe('added')
})

test('rows of a page: a file, its lines; folded it is one row', () => {
  const file = diffTexts('a.py', 'a\nb\n', 'a\nB\n')
  const files = file ? [file] : []
  const kinds = (isSplit: boolean, folded: string[]) =>
    toDiffRows(files, isSplit, new Set(folded)).map((row) => row.kind)
  expect(kinds(false, [])).toEqual(['file', 'line', 'line', 'line'])
  expect(kinds(true, [])).toEqual(['file', 'pair', 'pair'])
  expect(kinds(true, ['a.py'])).toEqual(['file'])
})
