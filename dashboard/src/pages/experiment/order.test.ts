import { expect, test } from 'vitest'
import { placeOf } from './order.ts'

const run = (name: string, second: number) => ({
  id: name,
  name,
  status: 'RUNNING' as const,
  startTime: new Date(second * 1000).toISOString(),
  durationMs: second,
})

test('a new run takes its place', () => {
  const newest = [run('c', 30), run('b', 20), run('a', 10)]
  const byStart = { field: 'START_TIME', direction: 'DESC' } as const
  expect(placeOf(run('d', 40), newest, byStart)).toBe(0)
  expect(placeOf(run('d', 25), newest, byStart)).toBe(1)
  expect(placeOf(run('d', 5), newest, byStart)).toBe(3)
  const byName = { field: 'NAME', direction: 'ASC' } as const
  expect(placeOf(run('bb', 0), newest.toReversed(), byName)).toBe(2)
  expect(placeOf(run('x', 15), newest.toReversed(), { field: 'DURATION', direction: 'ASC' })).toBe(
    1,
  )
  expect(placeOf(run('x', 1), [], byStart)).toBe(0)
})
