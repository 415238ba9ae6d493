// What the query box knows while one types: whether the filter can be read, and how to go on.
import { useEffect, useMemo, useRef, useState } from 'react'
import { ask } from '#api/client.ts'
import { CheckFilterDocument, CompleteFilterDocument } from '#api/generated.ts'
import { fromCodePoints, isBare, toCodePoints } from '#lib/filters.ts'
import { recall, remember } from '#lib/storage.ts'
import { carry, type Found, type Mistake, NONE, type Suggestion, toMistake } from './completion.ts'

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
  const [found, setFound] = useState<Found>(NONE)
  const recent = useRef<readonly string[]>([])
  useEffect(() => {
    if (!isOpen) {
      setFound(NONE)
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
        const all = text.trim() ? items : [...recentOnes(recent.current, text), ...items]
        setFound({ text, items: all })
      } catch {
        // Without the server there is nothing to suggest.
      }
    }, COMPLETE_MS)
    return () => {
      clearTimeout(timer)
      request.abort()
    }
  }, [experimentId, text, cursor, isOpen])
  return useMemo(() => (found.text === text ? found.items : carry(found, text)), [found, text])
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
