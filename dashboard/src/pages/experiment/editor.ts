// What the query box knows while one types: whether the filter can be read, and how to go on.
import { useEffect, useRef, useState } from 'react'
import { ask } from '#api/client.ts'
import {
  CheckFilterDocument,
  type CheckFilterQuery,
  CompleteFilterDocument,
  type CompleteFilterQuery,
} from '#api/generated.ts'
import { fromCodePoints, isBare, toCodePoints } from '#lib/filters.ts'
import { recall, remember } from '#lib/storage.ts'

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

export async function check(text: string, signal?: AbortSignal): Promise<Mistake | null> {
  if (!text.trim()) return null
  const { checkFilter } = await ask(CheckFilterDocument, { filter: text }, signal)
  return toMistake(text, checkFilter.error)
}

const CHECK_MS = 250
const COMPLETE_MS = 60

/** Undefined while it is not known; what a person is still typing is not yet a mistake. */
export function useMistake(text: string): Mistake | null | undefined {
  const [known, setKnown] = useState<{ text: string; mistake: Mistake | null }>()
  useEffect(() => {
    if (!text.trim() || isBare(text)) {
      setKnown({ text, mistake: null })
      return
    }
    const request = new AbortController()
    const timer = setTimeout(() => {
      check(text, request.signal)
        .then((mistake) => setKnown({ text, mistake }))
        .catch(() => undefined)
    }, CHECK_MS)
    return () => {
      clearTimeout(timer)
      request.abort()
    }
  }, [text])
  return known?.text === text ? known.mistake : undefined
}

export function useSuggestions(
  experimentId: string,
  text: string,
  cursor: number,
  isOpen: boolean,
): readonly Suggestion[] {
  const [found, setFound] = useState<readonly Suggestion[]>([])
  const recent = useRef<readonly string[]>([])
  useEffect(() => {
    if (!isOpen) {
      setFound([])
      return
    }
    recent.current = recallFilters(experimentId)
    const request = new AbortController()
    const timer = setTimeout(async () => {
      const variables = { experimentIds: [experimentId], filter: text }
      try {
        const { completeFilter } = await ask(
          CompleteFilterDocument,
          { ...variables, cursor: toCodePoints(text, cursor) },
          request.signal,
        )
        const start = fromCodePoints(text, completeFilter.start)
        const end = fromCodePoints(text, completeFilter.end)
        const items = completeFilter.items.map((item) => ({
          text: item.text,
          kind: item.kind,
          runs: item.runs ?? null,
          start,
          end,
        }))
        setFound(text.trim() ? items : [...recentOnes(recent.current, text), ...items])
      } catch {
        // Without the server there is nothing to suggest.
      }
    }, COMPLETE_MS)
    return () => {
      clearTimeout(timer)
      request.abort()
    }
  }, [experimentId, text, cursor, isOpen])
  return found
}

function recentOnes(recent: readonly string[], text: string): Suggestion[] {
  return recent.map((each) => ({
    text: each,
    kind: 'RECENT',
    runs: null,
    start: 0,
    end: text.length,
  }))
}

const REMEMBERED = 8

export function recallFilters(experimentId: string): string[] {
  try {
    const kept: unknown = JSON.parse(recall(`filters.${experimentId}`) ?? '[]')
    return Array.isArray(kept) ? kept.filter((each) => typeof each === 'string') : []
  } catch {
    return []
  }
}

export function rememberFilter(experimentId: string, text: string): void {
  if (!text.trim()) return
  const others = recallFilters(experimentId).filter((each) => each !== text)
  const kept = [text, ...others].slice(0, REMEMBERED)
  remember(`filters.${experimentId}`, JSON.stringify(kept))
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
