import { expect, test } from 'vitest'
import { decodeIntegers, decodeValues } from './columns.ts'

function base64(array: Float64Array | BigInt64Array): string {
  return btoa(String.fromCharCode(...new Uint8Array(array.buffer)))
}

test('values come as numbers, words or bytes', () => {
  expect([...decodeValues([1, 'NaN', 'Infinity', '-Infinity', -0.5])]).toEqual([
    1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0.5,
  ])
  const values = [0.1, Number.NaN, Number.NEGATIVE_INFINITY, 1e-310, -0]
  expect([...decodeValues(base64(Float64Array.from(values)))]).toEqual(values)
})

test('integers come as numbers, decimal strings or bytes', () => {
  expect([...decodeIntegers([3, '-7', '9007199254740993'])]).toEqual([3, -7, 2 ** 53])
  const bytes = base64(BigInt64Array.from([0n, -1n, 1764000000123n, -(2n ** 62n)]))
  expect([...decodeIntegers(bytes)]).toEqual([0, -1, 1764000000123, -(2 ** 62)])
})

test('empty columns are empty', () => {
  expect(decodeValues('')).toHaveLength(0)
  expect(decodeIntegers([])).toHaveLength(0)
})
