import { expect, test } from 'vitest'
import { cssColor, parseAnsi, stripAnsi } from './ansi.ts'

test('a plain line is one span', () => {
  expect(parseAnsi('epoch 1\tloss 0.5')).toEqual([{ text: 'epoch 1\tloss 0.5', look: {} }])
  expect(parseAnsi('')).toEqual([])
})

test('colours and weights hold until they are taken back', () => {
  expect(parseAnsi('\x1b[1;31merror\x1b[22m:\x1b[0m no')).toEqual([
    { text: 'error', look: { isBold: true, color: 1 } },
    { text: ':', look: { color: 1 } },
    { text: ' no', look: {} },
  ])
  expect(parseAnsi('\x1b[92mok\x1b[m.')).toEqual([
    { text: 'ok', look: { color: 10 } },
    { text: '.', look: {} },
  ])
})

test('palette and true colours', () => {
  expect(parseAnsi('\x1b[38;5;208mo\x1b[48;2;1;2;300mg')).toEqual([
    { text: 'o', look: { color: 208 } },
    { text: 'g', look: { color: 208, ground: '#0102ff' } },
  ])
  expect(cssColor(208)).toBe('rgb(255 135 0)')
  expect(cssColor(255)).toBe('rgb(238 238 238)')
  expect(cssColor(9)).toBe('var(--ansi-9)')
})

test('what moves the cursor, names windows or links is taken out', () => {
  const line = '\x1b[2K\x1b]0;title\x07a\x1b]8;;https://x.invalid\x1b\\b\x1b(Bc\x08\r\x00d\x1b'
  expect(stripAnsi(line)).toBe('abcd')
  expect(
    parseAnsi(line)
      .map((span) => span.text)
      .join(''),
  ).toBe('abcd')
})

test('broken colours are no colours', () => {
  expect(parseAnsi('\x1b[38;5mx')[0]?.look).toEqual({ color: 0 })
  expect(parseAnsi('\x1b[999mx')).toEqual([{ text: 'x', look: {} }])
})
