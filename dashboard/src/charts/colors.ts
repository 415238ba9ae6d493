// Colours of runs and of a chart's furniture, as CSS defines them for the theme.
import { PALETTE_SIZE, paletteIndex } from '#lib/palette.ts'
import { getTheme, subscribeTheme } from '#lib/theme.ts'

/** For elements: follows the theme by itself. */
export function runColor(id: string): string {
  return `var(--run-${paletteIndex(id)})`
}

const groups = new Map<string, number>()

/** Groups of runs take the palette in the order in which they are met, so that few share a colour. */
export function groupColor(id: string): string {
  return `var(--run-${groupIndex(id)})`
}

export function groupInk(id: string): string {
  return getInk().runs[groupIndex(id)] ?? getInk().text
}

function groupIndex(id: string): number {
  const index = groups.get(id) ?? groups.size
  groups.set(id, index)
  return index % PALETTE_SIZE
}

export interface Ink {
  runs: string[]
  text: string
  muted: string
  grid: string
  background: string
  font: string
  /** Of a run that stands still without having ended. */
  stalled: string
  failed: string
  killed: string
}

let ink: Ink | null = null
subscribeTheme(() => {
  ink = null
})

/** For the canvas: resolved once for each theme. */
export function getInk(): Ink {
  if (ink) return ink
  document.documentElement.dataset.theme ??= getTheme()
  const style = getComputedStyle(document.documentElement)
  const read = (name: string) => style.getPropertyValue(name).trim()
  ink = {
    runs: Array.from({ length: PALETTE_SIZE }, (_, index) => read(`--run-${index}`)),
    text: read('--text'),
    muted: read('--muted'),
    grid: read('--grid'),
    background: read('--panel'),
    font: `11px ${read('--sans')}`,
    stalled: read('--stalled'),
    failed: read('--failed'),
    killed: read('--killed'),
  }
  return ink
}

export function inkOf(id: string): string {
  return getInk().runs[paletteIndex(id)] ?? getInk().text
}
