import { expect, test } from 'vitest'
import {
  fromCodePoints,
  fromLiteral,
  isBare,
  isCondition,
  joinConditions,
  parseCondition,
  parseConditions,
  spellCondition,
  splitConditions,
  toCodePoints,
  toLiteral,
} from './filters.ts'

test('conditions are what AND joins outside of quotes, lists and BETWEEN', () => {
  const text =
    "metrics.loss.min < 0.1 AND params.a BETWEEN 1 AND 2 and tags.`x AND y` = 'p AND q' AND (a = 1 OR b = 2)"
  expect(splitConditions(text)).toEqual([
    'metrics.loss.min < 0.1',
    'params.a BETWEEN 1 AND 2',
    "tags.`x AND y` = 'p AND q'",
    '(a = 1 OR b = 2)',
  ])
  expect(splitConditions('a = 1 OR b = 2')).toEqual(['a = 1 OR b = 2'])
  expect(splitConditions('  ')).toEqual([])
})

test.each([
  "params.optimizer = 'adam'",
  "params.optimizer NOT IN ('a', 'b')",
  'tags.team IS NOT NULL',
  "name CONTAINS 'it''s'",
  'metrics.`a b`.max BETWEEN 1 AND 2',
  "tags.team !~ '^x'",
  'NOT (a = 1)',
  'nonsense',
])('%s is read and written alike', (text) => {
  expect(spellCondition(parseCondition(text))).toBe(text)
})

test('a condition is taken apart', () => {
  expect(parseConditions('duration > 2h')).toEqual([
    { field: 'duration', operator: '>', value: '2h', raw: '' },
  ])
  expect(parseCondition('metrics.a >> 3').raw).toBe('metrics.a >> 3')
  expect(parseCondition('a = 1 OR b = 2').raw).toBe('a = 1 OR b = 2')
})

test('OR keeps its parentheses among others', () => {
  expect(joinConditions(['a = 1 OR b = 2', '', 'c = 3'])).toBe('(a = 1 OR b = 2) AND c = 3')
  expect(joinConditions(['a = 1 OR b = 2'])).toBe('a = 1 OR b = 2')
})

test('what is typed becomes a literal of the field', () => {
  expect(toLiteral('params.lr', '<', '0.1')).toBe('0.1')
  expect(toLiteral('params.opt', '=', "it's")).toBe("'it''s'")
  expect(toLiteral('tags.version', '=', '2')).toBe("'2'")
  expect(toLiteral('duration', '>', '1h30m')).toBe('1h30m')
  expect(toLiteral('status', 'IN', 'failed, killed')).toBe("('failed', 'killed')")
  expect(toLiteral('metrics.a', 'BETWEEN', '1, 2')).toBe('1 AND 2')
  expect(fromLiteral('IN', "('failed', 'killed')")).toBe('failed, killed')
  expect(fromLiteral('=', "'it''s'")).toBe("it's")
  expect(isCondition('tags.team', null)).toBe('tags.team IS NULL')
  expect(isCondition('config.amp', 'true')).toBe('config.amp = true')
})

test('bare words are no filter', () => {
  expect(isBare('calm otter-7')).toBe(true)
  expect(isBare("name = 'x'")).toBe(false)
  expect(isBare('tags.team IS NULL')).toBe(false)
  expect(isBare(' ')).toBe(false)
})

test('characters are counted as the server does', () => {
  expect(toCodePoints('😀a', 2)).toBe(1)
  expect(fromCodePoints('😀a', 1)).toBe(2)
})
