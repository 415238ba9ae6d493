import { expect, test } from 'vitest'
import { LineBook, PAGE, type Piece, step } from './lines.ts'

const piece = (start: number, count: number): Piece => ({
  start,
  times: Array.from({ length: count }, (_, index) => start + index),
  streams: Array.from({ length: count }, (_, index) => (index % 2 ? 'STDERR' : 'STDOUT')),
  writers: Array.from({ length: count }, () => ''),
  texts: Array.from({ length: count }, (_, index) => `line ${start + index}`),
})

test('lines are found under their numbers, over pages', () => {
  const book = new LineBook()
  book.add(piece(0, PAGE + 10))
  expect(book.at(0)).toMatchObject({ number: 0, text: 'line 0', isError: false })
  expect(book.at(PAGE + 9)).toMatchObject({ text: `line ${PAGE + 9}`, isError: true })
  expect(book.at(PAGE + 10)).toBeUndefined()
  expect(book.missing(0, PAGE + 10, PAGE + 10)).toEqual([])
  expect(book.missing(0, PAGE + 20, PAGE + 20)).toEqual([1])
})

test('what comes live joins what is held, and leaves no holes', () => {
  const book = new LineBook()
  book.add(piece(0, 5))
  book.add(piece(5, 5))
  expect(book.at(9)?.text).toBe('line 9')
  book.add(piece(20, 5))
  expect(book.at(20)).toBeUndefined()
  expect(book.missing(0, 25, 25)).toEqual([0])
  book.add(piece(0, 25))
  expect(book.at(24)?.text).toBe('line 24')
  // Of a page whose beginning is not there nothing is kept, of the next one all.
  book.add(piece(PAGE * 3 - 2, 4))
  expect(book.at(PAGE * 3 - 1)).toBeUndefined()
  expect(book.at(PAGE * 3 + 1)?.text).toBe(`line ${PAGE * 3 + 1}`)
})

test('a million lines: only pages around those in sight are held', () => {
  const book = new LineBook()
  for (let place = 0; place < 1000; place += 5) {
    book.add(piece(place * PAGE, PAGE))
    book.forget(place * PAGE)
  }
  expect(book.at(995 * PAGE)).toBeDefined()
  expect(book.at(0)).toBeUndefined()
})

test('matches go round', () => {
  expect(step([3, 8, 20], 8, 1)).toBe(2)
  expect(step([3, 8, 20], 20, 1)).toBe(0)
  expect(step([3, 8, 20], 3, -1)).toBe(2)
  expect(step([3, 8, 20], 9, -1)).toBe(1)
  expect(step([], 9, -1)).toBe(-1)
})
