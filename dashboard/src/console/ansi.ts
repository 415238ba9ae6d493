// What terminals understand, as spans: colours and weights are kept, everything else is taken out.

export interface Look {
  /** A colour's number in the terminal's palette of 256, or its own as #rrggbb. */
  color?: number | string
  ground?: number | string
  isBold?: boolean
  isDim?: boolean
  isItalic?: boolean
  isUnderlined?: boolean
  isStruck?: boolean
  isInverse?: boolean
}

export interface Span {
  text: string
  look: Look
}

const PLAIN: Look = {}
// CSI sequences, OSC strings (ended by BEL or ST), other escapes of two characters, and control
// characters except the tab.
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
  /\x1b\[([\x30-\x3f]*)[\x20-\x2f]*([\x40-\x7e])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[\x20-\x2f]*[\x30-\x7e]?|[\x00-\x08\x0a-\x1f\x7f]/g

/** One line of a terminal; each begins plain. */
export function parseAnsi(line: string): Span[] {
  const spans: Span[] = []
  let look = PLAIN
  let at = 0
  const push = (text: string) => {
    if (!text) return
    const last = spans.at(-1)
    if (last && last.look === look) last.text += text
    else spans.push({ text, look })
  }
  for (const match of line.matchAll(CONTROL)) {
    push(line.slice(at, match.index))
    at = match.index + match[0].length
    if (match[2] === 'm') look = restyle(look, match[1] ?? '')
  }
  push(line.slice(at))
  return spans
}

/** The text alone, as a search finds it. */
export function stripAnsi(line: string): string {
  return line.replace(CONTROL, '')
}

function restyle(look: Look, codes: string): Look {
  const numbers = codes.split(/[;:]/).map((code) => (code === '' ? 0 : Number(code)))
  let next: Look = { ...look }
  for (let at = 0; at < numbers.length; at++) {
    const code = numbers[at] ?? 0
    if (code === 38 || code === 48) {
      const [color, used] = extended(numbers, at + 1)
      at += used
      if (color !== undefined) next[code === 38 ? 'color' : 'ground'] = color
    } else next = simple(next, code)
  }
  return Object.keys(next).length ? next : PLAIN
}

function extended(numbers: readonly number[], at: number): [number | string | undefined, number] {
  if (numbers[at] === 5) return [byte(numbers[at + 1]), 2]
  if (numbers[at] !== 2) return [undefined, 1]
  const parts = [numbers[at + 1], numbers[at + 2], numbers[at + 3]].map(byte)
  return [`#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`, 4]
}

function byte(number: number | undefined): number {
  return Math.min(255, Math.max(0, Math.floor(number ?? 0) || 0))
}

function without(look: Look, ...names: (keyof Look)[]): Look {
  const next = { ...look }
  for (const name of names) delete next[name]
  return next
}

function simple(look: Look, code: number): Look {
  if (code >= 30 && code <= 37) return { ...look, color: code - 30 }
  if (code >= 40 && code <= 47) return { ...look, ground: code - 40 }
  if (code >= 90 && code <= 97) return { ...look, color: code - 82 }
  if (code >= 100 && code <= 107) return { ...look, ground: code - 92 }
  switch (code) {
    case 0:
      return PLAIN
    case 1:
      return { ...look, isBold: true }
    case 2:
      return { ...look, isDim: true }
    case 3:
      return { ...look, isItalic: true }
    case 4:
      return { ...look, isUnderlined: true }
    case 7:
      return { ...look, isInverse: true }
    case 9:
      return { ...look, isStruck: true }
    case 22:
      return without(look, 'isBold', 'isDim')
    case 23:
      return without(look, 'isItalic')
    case 24:
      return without(look, 'isUnderlined')
    case 27:
      return without(look, 'isInverse')
    case 29:
      return without(look, 'isStruck')
    case 39:
      return without(look, 'color')
    case 49:
      return without(look, 'ground')
    default:
      return look
  }
}

const STEPS = [0, 95, 135, 175, 215, 255]

/** The first sixteen follow the theme; the others are the cube and the greys that all terminals share. */
export function cssColor(color: number | string): string {
  if (typeof color === 'string') return color
  if (color < 16) return `var(--ansi-${color})`
  if (color >= 232) {
    const grey = 8 + 10 * (color - 232)
    return `rgb(${grey} ${grey} ${grey})`
  }
  const place = color - 16
  const [r, g, b] = [Math.floor(place / 36), Math.floor(place / 6) % 6, place % 6]
  return `rgb(${STEPS[r]} ${STEPS[g]} ${STEPS[b]})`
}
