import { expect, test } from 'vitest'
import {
  type Entry,
  emptyFolder,
  type Folder,
  foldersOf,
  lastDeleted,
  toFoundRows,
  toTreeRows,
} from './tree.ts'

const entry = (path: string, isFolder = false): Entry => ({
  id: path,
  path,
  name: path.split('/').at(-1) ?? '',
  isFolder,
  files: 1,
  size: 1,
  sha256: null,
  mediaType: '',
  uri: null,
  createdAt: null,
  trashedAt: null,
})
const folder = (entries: Entry[], after: string | null = null): Folder => ({
  entries,
  after,
  isLoading: false,
  isLoaded: true,
})

test('open folders show what is in them, and what is not loaded yet', () => {
  const folders = new Map([
    ['', folder([entry('a', true), entry('b', true), entry('z.txt')])],
    ['a', folder([entry('a/x.txt')], 'cursor')],
  ])
  const rows = (open: string[]) =>
    toTreeRows(folders, new Set(open)).map((row) =>
      row.kind === 'entry'
        ? `${row.depth} ${row.entry.path}`
        : `${row.depth} more of ${row.folder}`,
    )
  expect(rows([])).toEqual(['0 a', '0 b', '0 z.txt'])
  expect(rows(['a'])).toEqual(['0 a', '1 a/x.txt', '1 more of a', '0 b', '0 z.txt'])
  expect(rows(['b'])).toEqual(['0 a', '0 b', '1 more of b', '0 z.txt'])
  expect(toTreeRows(new Map(), new Set())).toEqual([
    { kind: 'more', folder: '', depth: 0, isLoading: true },
  ])
})

test('what is found is flat', () => {
  const rows = toFoundRows(folder([entry('a/b/c.txt')]))
  expect(rows).toMatchObject([{ entry: { name: 'a/b/c.txt' }, depth: 0 }])
  expect(toFoundRows(emptyFolder())).toHaveLength(1)
})

test('the folders of a path', () => {
  expect(foldersOf('a/b/c.txt')).toEqual(['a', 'a/b'])
  expect(foldersOf('c.txt')).toEqual([])
})

const gone = (id: string, path: string, trashedAt: string): Entry => ({
  ...entry(path),
  id,
  trashedAt,
})

test('an undo takes back what was deleted last, and no earlier version', () => {
  const entries = [
    gone('1', 'a/x', '2026-01-01T00:00:00Z'),
    gone('2', 'a/x', '2026-01-02T00:00:00Z'),
    gone('3', 'a/y', '2026-01-02T00:00:00Z'),
    gone('4', 'ab', '2026-01-03T00:00:00Z'),
  ]
  expect(lastDeleted(entries, 'a').map(({ id }) => id)).toEqual(['2', '3'])
  expect(lastDeleted(entries, 'a/x').map(({ id }) => id)).toEqual(['2'])
  expect(lastDeleted(entries, 'none')).toEqual([])
})
