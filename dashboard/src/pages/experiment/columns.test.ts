import { expect, test } from 'vitest'
import { defaultColumns, moveColumn, place } from './columns.ts'

test('the default columns are the model’s first metrics and params', () => {
  const metrics = ['system/cpu', 'loss', 'val/loss', 'loss.min']
  expect(defaultColumns(metrics, ['lr'])).toEqual([
    'duration',
    'metrics.loss',
    'metrics.val/loss',
    'metrics.`loss.min`',
    'metrics.system/cpu',
    'params.lr',
    'start_time',
  ])
})

test('pinned columns come first, and all stand side by side', () => {
  const widths = { name: 200, 'params.a': 100, 'params.b': 80, 'params.c': 60 }
  const { pinned, rest, width } = place(['params.a', 'params.b', 'params.c'], ['params.c'], widths)
  expect(pinned.map(({ field, left }) => [field, left])).toEqual([['params.c', 230]])
  expect(rest.map(({ field, left }) => [field, left])).toEqual([
    ['params.a', 290],
    ['params.b', 390],
  ])
  expect(width).toBe(470)
})

test('a column moves to before or behind another', () => {
  const columns = ['a', 'b', 'c']
  expect(moveColumn(columns, 'a', 'c', 'after')).toEqual(['b', 'c', 'a'])
  expect(moveColumn(columns, 'c', 'a', 'before')).toEqual(['c', 'a', 'b'])
  expect(moveColumn(columns, 'a', 'a', 'after')).toEqual(columns)
})
