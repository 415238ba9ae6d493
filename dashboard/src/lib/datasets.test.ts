import { expect, test } from 'vitest'
import { readFields, readJson, readSource } from './datasets.ts'

test('columns of several spellings', () => {
  const colspec = { mlflow_colspec: [{ name: 'x', type: 'double', required: true }] }
  expect(readFields(colspec)).toEqual([{ name: 'x', type: 'double', isRequired: true }])
  const tensor = {
    mlflow_tensorspec: [{ type: 'tensor', 'tensor-spec': { dtype: 'float64', shape: [-1, 28] } }],
  }
  expect(readFields(tensor)?.[0]?.name).toBe('0')
  expect(readFields([{ name: 'a', dtype: 'int64', nullable: true }])).toEqual([
    { name: 'a', type: 'int64', isRequired: false },
  ])
  expect(readFields({ other: 1 })).toBeNull()
  expect(readFields('text')).toBeNull()
  expect(readFields([])).toBeNull()
})

test('sources and texts that are no JSON', () => {
  expect(readSource('{"uri": "s3://bucket/x"}')).toBe('s3://bucket/x')
  expect(readSource('/data/x.csv')).toBe('/data/x.csv')
  expect(readJson('{')).toBe('{')
  expect(readJson(null)).toBeNull()
})
