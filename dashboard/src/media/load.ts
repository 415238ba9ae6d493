// The keys of rich values of runs, and what they show at a step.
import { useEffect, useMemo, useState } from 'react'
import { ask } from '#api/client.ts'
import { useConnection } from '#api/connection.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import { ValueKeysDocument, type ValueKeysQuery, ValuesAtDocument } from '#api/generated.ts'
import { decodeIntegers, toInteger } from '#lib/columns.ts'
import type { Series } from './series.ts'
import type { Cell } from './Value.tsx'

// Keys of a run that are listed; a search finds the others.
const [PAGE, MOST_KEYS] = [100, 400]
const LIVE_MS = 3_000
// A slider that is dragged asks when it rests for a moment.
const REST_MS = 40
const AT_ONCE = 50

interface Keys {
  series: Series[][] | undefined
  /** Grows when more was logged. */
  version: number
  error: ApiError | null
}

export function useKeysOfRuns(runIds: readonly string[], search: string, isLive: boolean): Keys {
  const [state, setState] = useState<Keys>({ series: undefined, version: 0, error: null })
  const [turn, setTurn] = useState(0)
  const { epoch } = useConnection()
  const idKey = runIds.join()
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again now and then
  useEffect(() => {
    let isCurrent = true
    const timer = setTimeout(
      async () => {
        try {
          const ids = idKey.split(',').filter(Boolean)
          const series = await Promise.all(ids.map((id) => fetchKeys(id, search)))
          if (!isCurrent) return
          setState((before) => ({
            series,
            version: isSame(before.series, series) ? before.version : before.version + 1,
            error: null,
          }))
        } catch (cause) {
          if (isCurrent) setState((before) => ({ ...before, error: toApiError(cause) }))
        }
      },
      search ? 150 : 0,
    )
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
  }, [idKey, search, epoch, turn])
  useEffect(() => {
    if (!isLive) return
    const timer = setInterval(() => document.hidden || setTurn((count) => count + 1), LIVE_MS)
    return () => {
      clearInterval(timer)
      setTurn((count) => count + 1)
    }
  }, [isLive])
  return state
}

function isSame(before: Series[][] | undefined, after: Series[][]): boolean {
  const counts = (all: Series[][]) =>
    all.map((some) => some.map((each) => each.count).join()).join(';')
  return before !== undefined && counts(before) === counts(after)
}

async function fetchKeys(id: string, search: string): Promise<Series[]> {
  const found: Series[] = []
  let after: string | null = null
  do {
    const answer: ValueKeysQuery = await ask(ValueKeysDocument, {
      id,
      search: search || null,
      first: PAGE,
      after,
    })
    const { run } = answer
    for (const { key, kind, count, steps } of run?.values.nodes ?? []) {
      found.push({ key, kind, count: toInteger(count), steps: decodeIntegers(steps.steps) })
    }
    const info = run?.values.pageInfo
    after = info?.hasNextPage ? (info.endCursor ?? null) : null
  } while (after && found.length < MOST_KEYS)
  return found
}

interface Shown {
  cells: ReadonlyMap<string, Cell>
  isLoading: boolean
  error: ApiError | null
}

export function cellName(runId: string, key: string): string {
  return `${runId}\n${key}`
}

/** What was last logged up to a step; what is shown stays until the next is there. */
export function useValuesAt(
  runIds: readonly string[],
  keys: readonly string[],
  step: number | null,
  places: number,
  version: number,
): Shown {
  const [state, setState] = useState<Shown>({ cells: new Map(), isLoading: true, error: null })
  const question = useMemo(() => JSON.stringify([runIds, keys]), [runIds, keys])
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when more was logged
  useEffect(() => {
    const [ids, names] = JSON.parse(question) as [string[], string[]]
    if (ids.length === 0 || names.length === 0) return
    const request = new AbortController()
    const timer = setTimeout(async () => {
      try {
        const cells = new Map<string, Cell>()
        for (let at = 0; at < names.length; at += AT_ONCE) {
          const some = names.slice(at, at + AT_ONCE)
          const variables = { runIds: ids, keys: some, step, places }
          const { valuesAt } = await ask(ValuesAtDocument, variables, request.signal)
          for (const cell of valuesAt) cells.set(cellName(cell.runId, cell.key), cell)
        }
        if (!request.signal.aborted) setState({ cells, isLoading: false, error: null })
      } catch (cause) {
        if (request.signal.aborted) return
        setState((before) => ({ ...before, isLoading: false, error: toApiError(cause) }))
      }
    }, REST_MS)
    return () => {
      request.abort()
      clearTimeout(timer)
    }
  }, [question, step, places, version])
  return state
}
