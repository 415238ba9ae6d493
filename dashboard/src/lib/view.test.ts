import { expect, test } from 'vitest'
import { checkChartSearch, fromChartView, packList, toChartView, unpackList } from './view.ts'

test('a view comes back from its address', () => {
  const view = toChartView({
    x: 'relative',
    smooth: 0.6,
    log: 'y',
    clip: true,
    zoom: '-2.5..100',
    keys: 'loss',
    toggled: 'train, a,,b',
    full: 'val/loss',
  })
  expect(view.zoom).toEqual([-2.5, 100])
  expect(view.toggled).toEqual(['train', 'a,b'])
  expect(toChartView(checkChartSearch(fromChartView(view)))).toEqual(view)
})

test('the default view leaves the address empty, and nonsense is dropped', () => {
  expect(Object.values(fromChartView(toChartView({}))).every((value) => value === undefined)).toBe(
    true,
  )
  expect(
    checkChartSearch({ x: 'moon', smooth: 7, zoom: '9..3', log: 1, clip: 'no', keys: '' }),
  ).toEqual({})
})

test('names with commas survive a list', () => {
  const names = ['a', 'b, c', 'd,e', 'f g']
  expect(unpackList(packList(names))).toEqual(names)
  expect(packList([])).toBeUndefined()
})
