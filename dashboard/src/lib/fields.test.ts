import { expect, test } from 'vitest'
import { kindOf, labelOf, parseField, parseSort, spellField, spellSort } from './fields.ts'

test.each([
  ['metrics.loss', 'metrics', 'loss', 'last'],
  ['metrics.train/loss.min', 'metrics', 'train/loss', 'min'],
  ['metrics.`loss.min`', 'metrics', 'loss.min', 'last'],
  ['metrics.`a b`.max', 'metrics', 'a b', 'max'],
  ['config.optimizer.lr', 'config', 'optimizer.lr', 'last'],
  ['params.`a``b`', 'params', 'a`b', 'last'],
  ['tags.größe', 'tags', 'größe', 'last'],
  ['start_time', 'attribute', 'start_time', 'last'],
] as const)('%s', (text, entity, key, statistic) => {
  expect(parseField(text)).toEqual({ entity, key, statistic })
  expect(spellField(entity, key, statistic)).toBe(text)
})

test.each(['loss', 'metrics.', 'metrics.a b', 'params.`x`.min', 'nothing.x'])(
  '%s is no field',
  (text) => {
    expect(parseField(text)).toBeNull()
  },
)

test('orders', () => {
  expect(parseSort('metrics.a.min DESC')).toEqual({ field: 'metrics.a.min', isDown: true })
  expect(parseSort('metrics.`a DESC`')).toEqual({ field: 'metrics.`a DESC`', isDown: false })
  expect(spellSort({ field: 'name', isDown: true })).toBe('name DESC')
  expect(parseSort('drop table')).toBeNull()
})

test('kinds and labels', () => {
  expect(kindOf('end_time')).toBe('time')
  expect(kindOf('config.a')).toBe('param')
  expect(labelOf('metrics.a.min')).toEqual({ label: 'a', note: 'min' })
  expect(labelOf('start_time')).toEqual({ label: 'Started', note: '' })
})
