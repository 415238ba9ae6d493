import { expect, test } from 'vitest'
import { parsePlace, tabPath } from './tabs.ts'

test.each([
  ['', 'charts', ''],
  ['overview', 'overview', ''],
  ['artifacts/a b/c.txt', 'artifacts', 'a b/c.txt'],
  ['artifacts/', 'artifacts', ''],
  ['elsewhere', null, ''],
])('%s is the tab %s at %s', (splat, tab, path) => expect(parsePlace(splat)).toEqual({ tab, path }))

test('addresses', () => {
  expect(tabPath('x', 'charts')).toBe('/runs/x')
  expect(tabPath('x', 'console')).toBe('/runs/x/console')
})
