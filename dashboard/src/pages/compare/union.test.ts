import { expect, test } from 'vitest'
import type { Entry } from '#artifacts/tree.ts'
import { toUnionRows } from './union.ts'

const entry = (path: string, sha256: string | null): Entry => ({
  id: path,
  path,
  name: path.split('/').at(-1) ?? '',
  isFolder: sha256 === null,
  files: 1,
  size: 1,
  sha256,
  mediaType: '',
  uri: null,
  createdAt: null,
  trashedAt: null,
})

const folders = new Map([
  [
    '',
    new Map([
      ['a', [entry('model', null), entry('config.json', '1'), entry('same.txt', '9')]],
      ['b', [entry('model', null), entry('config.json', '2'), entry('same.txt', '9')]],
    ]),
  ],
  [
    'model',
    new Map([
      ['a', [entry('model/w.bin', '1')]],
      ['b', []],
    ]),
  ],
])

const paths = (open: string[], isOnly: boolean) =>
  toUnionRows(folders, new Set(open), ['a', 'b'], isOnly).map((row) => `${row.depth} ${row.path}`)

test('folders first, and only what differs where that is asked', () => {
  expect(paths([], false)).toEqual(['0 model', '0 config.json', '0 same.txt'])
  expect(paths([], true)).toEqual(['0 model', '0 config.json'])
  expect(paths(['model'], true)).toEqual(['0 model', '1 model/w.bin', '0 config.json'])
})

test('each run has its place', () => {
  const [, row] = toUnionRows(folders, new Set(['model']), ['a', 'b'], false)
  expect(row?.entries.map((each) => each?.sha256)).toEqual(['1', undefined])
  expect(row?.differs).toBe(true)
})
