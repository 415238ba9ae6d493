import { expect, test } from 'vitest'
import { bytesUrl, kindOf, languageOf, quotePath, typeName, zipUrl } from './kinds.ts'

test.each([
  ['README.md', 'text/markdown', 'markdown'],
  ['a/b.JSON', '', 'json'],
  ['x.parquet', 'application/octet-stream', 'table'],
  ['plot.svg', 'image/svg+xml', 'image'],
  ['page.html', 'text/plain', 'html'],
  ['train.py', '', 'text'],
  ['Makefile', '', 'text'],
  ['noext', 'text/csv; charset=utf-8', 'table'],
  ['noext', 'image/png', 'image'],
  ['noext', 'image/x-exotic', 'none'],
  ['weights.bin', 'application/octet-stream', 'none'],
  ['diff.patch', '', 'diff'],
])('%s of type %s is shown as %s', (path, type, kind) => expect(kindOf(path, type)).toBe(kind))

test('addresses hold any name', () => {
  expect(quotePath('a b/c#d?e%2f.txt')).toBe('a%20b/c%23d%3Fe%252f.txt')
  expect(bytesUrl('r1', 'é/x')).toBe('/artifacts/runs/r1/%C3%A9/x')
  expect(zipUrl('r1', 'a/b')).toBe('/artifacts/runs/r1/a/b/?format=zip')
  expect(zipUrl('r1', '')).toBe('/artifacts/runs/r1/?format=zip')
})

test('names of types', () => {
  expect(languageOf('x/y.yml')).toBe('yaml')
  expect(languageOf('x')).toBeNull()
  expect(typeName('a.tar.gz', 'application/gzip')).toBe('gz')
  expect(typeName('weights', 'application/octet-stream')).toBe('file')
})
