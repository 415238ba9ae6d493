import { expect, test } from 'vitest'
import { toParamRows } from './differences.ts'

const run = (id: string, params: Record<string, string>) => ({
  id,
  params: { nodes: Object.entries(params).map(([key, value]) => ({ key, value })) },
})

test('params are rows that say whether the runs differ', () => {
  const rows = toParamRows([
    run('a', { lr: '0.1', seed: '1' }),
    run('b', { lr: '0.2', seed: '1', k: 'x' }),
  ])
  expect(rows).toEqual([
    { key: 'k', values: [undefined, 'x'], differs: true },
    { key: 'lr', values: ['0.1', '0.2'], differs: true },
    { key: 'seed', values: ['1', '1'], differs: false },
  ])
  expect(toParamRows([])).toEqual([])
})
