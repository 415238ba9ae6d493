import { expect, test } from 'vitest'
import { accept, carry, type Suggestion, toMistake } from './completion.ts'

function key(text: string, start: number, end: number): Suggestion {
  return { text, kind: 'KEY', runs: null, start, end }
}

test('a suggestion replaces the word at the cursor', () => {
  expect(accept('params.op', key('optimizer', 7, 9))).toEqual({
    text: 'params.optimizer ',
    cursor: 17,
  })
  expect(accept('a.x = 1 AND b', key('y', 2, 3))).toEqual({ text: 'a.y = 1 AND b', cursor: 4 })
  const entity: Suggestion = { ...key('params.', 0, 2), kind: 'ENTITY' }
  expect(accept('pa', entity)).toEqual({ text: 'params.', cursor: 7 })
})

test('suggestions go on as long as they fit what is typed', () => {
  const items = [key('optimizer', 7, 8), key('order', 7, 8)]
  const found = { text: 'params.o', items }
  expect(carry(found, 'params.opt')).toEqual([key('optimizer', 7, 10)])
  expect(carry(found, 'tags.o')).toEqual([])
  expect(carry(found, 'params.o ')).toEqual([])
})

test('a mistake is placed in the text as JavaScript counts it', () => {
  const error = { message: 'no', position: 2, length: 1, expected: [] }
  expect(toMistake('😀 x', error)).toEqual({ message: 'no', start: 3, end: 4 })
  expect(toMistake('abc', { ...error, position: null })).toEqual({
    message: 'no',
    start: 0,
    end: 3,
  })
})
