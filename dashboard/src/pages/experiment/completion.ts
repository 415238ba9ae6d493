// What is suggested for a filter and what is wrong with it, placed in its text.
import type { CheckFilterQuery, CompleteFilterQuery } from '#api/generated.ts'
import { fromCodePoints } from '#lib/filters.ts'

export interface Mistake {
  message: string
  /** In UTF-16, of the text that was checked. */
  start: number
  end: number
}

export interface Suggestion {
  text: string
  kind: CompleteFilterQuery['completeFilter']['items'][number]['kind'] | 'RECENT'
  runs: number | null
  /** What it replaces. */
  start: number
  end: number
}

export function toMistake(text: string, error: CheckFilterQuery['checkFilter']['error']) {
  if (!error) return null
  if (error.position === null || error.position === undefined) {
    return { message: error.message, start: 0, end: text.length }
  }
  const start = fromCodePoints(text, error.position)
  const end = fromCodePoints(text, error.position + Math.max(1, error.length))
  return { message: error.message, start, end }
}

export interface Found {
  /** What these items were found for. */
  text: string
  items: readonly Suggestion[]
}

export const NONE: Found = { text: '', items: [] }

/** Those that still fit when one has typed on, until the server knows better. */
export function carry({ text: before, items }: Found, text: string): readonly Suggestion[] {
  const more = text.length - before.length
  return items.flatMap((item) => {
    const end = item.end + more
    if (item.kind === 'RECENT' || end < item.start) return []
    const isElsewhere =
      text.slice(0, item.start) !== before.slice(0, item.start) ||
      text.slice(end) !== before.slice(item.end)
    const typed = text.slice(item.start, end).toLowerCase()
    return isElsewhere || !item.text.toLowerCase().startsWith(typed) ? [] : [{ ...item, end }]
  })
}

/** The text and the cursor after a suggestion is taken; a space follows where a word may. */
export function accept(text: string, { text: chosen, start, end, kind }: Suggestion) {
  const isOpen = kind === 'ENTITY' || chosen.endsWith('.') || chosen.endsWith('(')
  const rest = text.slice(end)
  const gap = isOpen || kind === 'RECENT' || /^[\s)]/.test(rest) ? '' : ' '
  const next = `${text.slice(0, start)}${chosen}${gap}${rest}`
  const moved = !isOpen && rest.startsWith(' ') ? 1 : 0
  return { text: next, cursor: start + chosen.length + gap.length + moved }
}
