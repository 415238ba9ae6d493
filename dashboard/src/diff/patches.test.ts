import { expect, test } from 'vitest'
import { parsePatch } from './patch.ts'
import { comparePatches } from './patches.ts'

const patch = (name: string, fresh: string) =>
  `diff --git a/${name} b/${name}\n--- a/${name}\n+++ b/${name}\n@@ -1,2 +1,2 @@\n same\n-old\n+${fresh}\n`

test('changes that both have are no difference', () => {
  const [left, right] = [patch('a', 'x') + patch('b', '1'), patch('a', 'x') + patch('b', '2')]
  const files = comparePatches(parsePatch(left), parsePatch(right))
  expect(files.map(({ path, added, removed }) => [path, added, removed])).toEqual([['b', 1, 1]])
  expect(files[0]?.hunks[0]?.lines.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    'same same',
    'old 1',
    'new 2',
  ])
  expect(
    files[0]?.hunks[0]?.lines.map(({ oldNumber, newNumber }) => [oldNumber, newNumber]),
  ).toEqual([
    [1, 1],
    [2, null],
    [null, 2],
  ])
})

test('a change of one alone is that change, back or forwards', () => {
  const only = parsePatch(patch('a', 'x'))
  const signs = (files: ReturnType<typeof comparePatches>) =>
    files[0]?.hunks[0]?.lines.map(({ kind, text }) => `${kind} ${text}`)
  expect(signs(comparePatches([], only))).toEqual(['same same', 'old old', 'new x'])
  expect(signs(comparePatches(only, []))).toEqual(['same same', 'new old', 'old x'])
})
