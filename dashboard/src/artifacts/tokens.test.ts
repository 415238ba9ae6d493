import { expect, test } from 'vitest'
import { highlightLines, readTokens } from './tokens.ts'

const text = (code: string, language: string) =>
  highlightLines(code, language)
    .map((line) => line.map((token) => token.text).join(''))
    .join('\n')

test.each(['python', 'yaml', 'json', 'xml', 'unknown'])('%s keeps every character', (language) => {
  const code = `def f(a: "x" = '<b>&amp;</b>'):\n\n  """two\n  lines"""\n# é ☃ & <\n`
  expect(text(code, language)).toBe(code)
})

test('a class holds over lines', () => {
  const lines = highlightLines('"""a\nb"""', 'python')
  expect(lines.map((line) => line.map((token) => token.className))).toEqual([
    ['hljs-string'],
    ['hljs-string'],
  ])
})

test('inner classes win', () => {
  expect(readTokens('<span class="a">x<span class="b">&lt;y</span></span>z')).toEqual([
    [
      { text: 'x', className: 'a' },
      { text: '<y', className: 'b' },
      { text: 'z', className: '' },
    ],
  ])
})
