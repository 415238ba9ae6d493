import { expect, test } from 'vitest'
import { toRows, toTree } from './tree.ts'

const leaf = (name: string, runCount = 1, activeRunCount = 0) => ({
  id: name,
  name,
  runCount,
  activeRunCount,
})

test('names with slashes become folders that count what is in them', () => {
  const tree = toTree([
    leaf('vision/b10', 3),
    leaf('vision/b2', 2, 1),
    leaf('vision'),
    leaf('text'),
  ])
  expect(tree.map((each) => each.label)).toEqual(['text', 'vision'])
  const vision = tree[1]
  expect(vision?.branches.map((each) => each.label)).toEqual(['b2', 'b10'])
  expect([vision?.runCount, vision?.activeRunCount]).toEqual([6, 1])
  expect(vision?.experiment?.name).toBe('vision')
})

test('a closed folder hides what is in it', () => {
  const tree = toTree([leaf('a/b/c'), leaf('d')])
  expect(toRows(tree, new Set()).map((row) => [row.branch.path, row.depth])).toEqual([
    ['a', 0],
    ['a/b', 1],
    ['a/b/c', 2],
    ['d', 0],
  ])
  expect(toRows(tree, new Set(['a'])).map((row) => row.branch.path)).toEqual(['a', 'd'])
})
