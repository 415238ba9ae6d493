import { expect, test } from 'vitest'
import {
  arrange,
  isTidy,
  move,
  PINNED,
  packArrangement,
  parseArrangement,
  pin,
  resize,
  TIDY,
} from './arrangement.ts'
import { toSections } from './sections.ts'

const sections = toSections(['a', 'b', 'c', 'd', 'val/x', 'val/y'])
const letters = { name: '', keys: ['a', 'b', 'c', 'd'] }

test('nothing arranged leaves sections as they are', () => {
  expect(arrange(sections, TIDY)).toEqual(sections)
  expect(isTidy(TIDY)).toBe(true)
})

test('a chart is moved beside another, and back', () => {
  const moved = move(TIDY, letters, { key: 'd', target: 'b', side: 'before' })
  expect(arrange(sections, moved)[0]?.keys).toEqual(['a', 'd', 'b', 'c'])
  const last = move(TIDY, letters, { key: 'a', target: 'd', side: 'after' })
  expect(arrange(sections, last)[0]?.keys).toEqual(['b', 'c', 'd', 'a'])
  const section = { name: '', keys: ['a', 'd', 'b', 'c'] }
  expect(isTidy(move(moved, section, { key: 'd', target: 'c', side: 'after' }))).toBe(true)
})

test('a new key stands where its name puts it, and one that is away keeps its place', () => {
  const moved = move(TIDY, letters, { key: 'd', target: 'a', side: 'before' })
  const grown = toSections(['a', 'aa', 'b', 'c', 'd'])
  expect(arrange(grown, moved)[0]?.keys).toEqual(['d', 'a', 'aa', 'b', 'c'])
  const few = arrange(toSections(['a', 'b', 'c']), moved)[0]
  expect(few?.keys).toEqual(['a', 'b', 'c'])
  const again = move(moved, few ?? letters, { key: 'c', target: 'a', side: 'before' })
  expect(arrange(sections, again)[0]?.keys).toEqual(['d', 'c', 'a', 'b'])
})

test('what is pinned stands in a section of its own, in its own order', () => {
  let arrangement = pin(pin(TIDY, 'val/y'), 'b')
  expect(arrange(sections, arrangement)).toEqual([
    { name: PINNED, keys: ['val/y', 'b'] },
    { name: '', keys: ['a', 'c', 'd'] },
    { name: 'val', keys: ['val/x'] },
  ])
  arrangement = move(
    arrangement,
    { name: PINNED, keys: ['val/y', 'b'] },
    { key: 'b', target: 'val/y', side: 'before' },
  )
  expect(arrangement.pinned).toEqual(['b', 'val/y'])
  expect(isTidy(pin(pin(arrangement, 'b'), 'val/y'))).toBe(true)
})

test('sizes are bounded and only kept where they differ', () => {
  const large = resize(TIDY, 'a', { columns: 3, rows: 99 })
  expect(large.sizes.get('a')).toEqual({ columns: 3, rows: 20 })
  expect(isTidy(resize(large, 'a', { columns: 1, rows: 4 }))).toBe(true)
})

test('an arrangement survives storage, and nonsense does not', () => {
  const letter = { key: 'd', target: 'b', side: 'before' } as const
  const kept = move(resize(pin(TIDY, 'constructor'), 'a', { columns: 2, rows: 6 }), letters, letter)
  expect(parseArrangement(packArrangement(kept))).toEqual(kept)
  for (const text of [null, '', 'null', '3', '[]', '{"pinned":3,"order":{},"sizes":[[1,2],["a"]]}'])
    expect(parseArrangement(text)).toEqual(TIDY)
})
