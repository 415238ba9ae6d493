import { expect, test } from 'vitest'
import { PALETTE_SIZE, paletteIndex, twins } from './palette.ts'

const ids = Array.from({ length: 900 }, (_, index) => index.toString(16).padStart(32, '0'))

test('a colour depends on the id alone and all are used evenly', () => {
  const counts = new Array<number>(PALETTE_SIZE).fill(0)
  for (const id of ids) counts[paletteIndex(id)] = (counts[paletteIndex(id)] ?? 0) + 1
  expect(Math.min(...counts)).toBeGreaterThan(20)
  expect(Math.max(...counts)).toBeLessThan(100)
})

test('runs of one colour are told apart', () => {
  const marks = [...twins(ids.slice(0, 60))].map(([id, twin]) => `${paletteIndex(id)}.${twin}`)
  expect(new Set(marks).size).toBe(60)
})
