import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PALETTE_SIZE } from '#lib/palette.ts'

const css = readFileSync(new URL('./theme.css', import.meta.url), 'utf8')

function colors(selector: string): Record<string, string> {
  const block = css.slice(css.indexOf(`${selector} {`)).split('}')[0] ?? ''
  const found = block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)
  return Object.fromEntries([...found].map(([, name = '', color = '']) => [name, color]))
}

function luminance(color: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(a = '', b = ''): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (high + 0.05) / (low + 0.05)
}

test.each([':root', ':root[data-theme="dark"]'])('contrast is AA in %s', (selector) => {
  const theme = colors(selector)
  const grounds = [theme.bg, theme.sunken, theme.hover, theme['accent-soft']]
  const words = ['text', 'muted', 'accent', 'running', 'stalled', 'failed', 'killed']
  const weak = words.flatMap((word) =>
    grounds.flatMap((ground) => {
      const ratio = contrast(theme[word], ground)
      return ratio >= 4.5 ? [] : [`${word} on ${ground}: ${ratio.toFixed(2)}`]
    }),
  )
  expect(weak).toEqual([])
  expect(contrast(theme['on-accent'], theme.accent)).toBeGreaterThanOrEqual(4.5)
  for (let index = 0; index < PALETTE_SIZE; index++) {
    expect(contrast(theme[`run-${index}`], theme.bg)).toBeGreaterThanOrEqual(3)
  }
})
