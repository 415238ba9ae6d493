import { expect, test } from 'vitest'
import type { RunRowFragment } from '#api/generated.ts'
import { cellOf, columnLabel, defaultColumns, isColumn, keysOf } from './columns.ts'

const run: RunRowFragment = {
  id: 'a',
  name: 'calm-otter',
  status: 'RUNNING',
  lifecycle: 'ACTIVE',
  startTime: '2026-01-01T00:00:00Z',
  endTime: null,
  durationMs: 61_000,
  user: 'ada',
  sourceName: 'train.py',
  gitCommit: null,
  params: { nodes: [{ key: 'a:b', value: '0.10' }] },
  tags: { nodes: [{ key: 'team', value: 'vision' }] },
  metrics: {
    nodes: [
      {
        key: 'loss',
        count: 3,
        last: { step: 2, value: 'NaN' },
        min: { step: 1, value: 0.25 },
        max: null,
      },
    ],
  },
}
const now = Date.parse('2026-01-01T00:01:01Z')
const textOf = (id: string) => cellOf(run, id, now).text

test('each kind of column reads its value', () => {
  expect(
    ['at:duration', 'at:user', 'p:a:b', 't:team', 'last:loss', 'min:loss'].map(textOf),
  ).toEqual(['1 m 01 s', 'ada', '0.10', 'vision', 'NaN', '0.25'])
  expect(['max:loss', 'last:acc', 'p:none', 'at:commit'].map(textOf)).toEqual(['', '', '', ''])
  expect(cellOf(run, 'min:loss', now).exact).toBe('0.25 at step 1')
  expect(cellOf(run, 'p:a:b', now).isNumber).toBe(true)
})

test('columns say what has to be asked for, each key once', () => {
  expect(keysOf(['at:start', 'last:loss', 'min:loss', 'p:lr', 't:team'])).toEqual({
    metricKeys: ['loss'],
    paramKeys: ['lr'],
    tagKeys: ['team'],
  })
  expect(defaultColumns(['loss'], ['lr'])).toEqual(['at:duration', 'last:loss', 'p:lr', 'at:start'])
})

test('ids from an address are checked', () => {
  expect(['at:start', 'p:x', 'max:loss'].every(isColumn)).toBe(true)
  expect(['', 'at:moon', 'p:', 'median:loss'].some(isColumn)).toBe(false)
  expect(columnLabel('min:val/loss')).toEqual({ label: 'val/loss', note: 'min' })
})
