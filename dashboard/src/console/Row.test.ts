import { expect, test } from 'vitest'
import { parseAnsi } from './ansi.ts'
import { markSpans } from './Row.tsx'

test('a match is marked over colours', () => {
  const marked = markSpans(parseAnsi('a Los\x1b[31ms 1 loss\x1b[0m.'), 'loss')
  expect(marked.map(({ text, isMatch }) => [text, isMatch])).toEqual([
    ['a ', false],
    ['Los', true],
    ['s', true],
    [' 1 ', false],
    ['loss', true],
    ['.', false],
  ])
})

test('without a match nothing is cut', () => {
  expect(markSpans(parseAnsi('abc'), 'x')).toEqual([{ text: 'abc', look: {}, isMatch: false }])
  expect(markSpans(parseAnsi('abc'), '')).toHaveLength(1)
})
