// What the panels draw, asked of the same runs that the table shows; numbers stay columns.
import { useEffect, useRef, useState } from 'react'
import { ask } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import {
  ExploreGroupsDocument,
  type ExploreGroupsQuery,
  ExploreRunsDocument,
  type LifecycleFilter,
} from '#api/generated.ts'
import { decodeValues, toValue } from '#lib/columns.ts'

/** The runs that the page is about. */
export interface Scope {
  experimentIds: string[]
  lifecycle: LifecycleFilter
  filter: string | null
}

export interface Found<Data> {
  data: Data | undefined
  error: ApiError | null
}

/** What was fetched stays until the next is there. */
export function useFetched<Data>(
  fetch: (signal: AbortSignal) => Promise<Data>,
  /** What is fetched, as text: another one is fetched anew. */
  key: string,
): Found<Data> {
  const [found, setFound] = useState<Found<Data>>({ data: undefined, error: null })
  const latest = useRef(fetch)
  latest.current = fetch
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for what is fetched
  useEffect(() => {
    const request = new AbortController()
    latest
      .current(request.signal)
      .then((data) => setFound({ data, error: null }))
      .catch((cause: unknown) => {
        if (!request.signal.aborted) setFound(({ data }) => ({ data, error: toApiError(cause) }))
      })
    return () => request.abort()
  }, [key])
  return found
}

export interface Column {
  field: string
  /** NaN where there is none. */
  numbers: Float64Array | null
  texts: readonly (string | null)[] | null
  /** More of its values are numbers than are not. */
  isNumber: boolean
}

export interface Runs {
  ids: readonly string[]
  names: readonly (string | null)[]
  columns: ReadonlyMap<string, Column>
}

// Rows of one request, and cells that the server gives at most.
const [ROWS, CELLS] = [100_000, 2_000_000]

export async function fetchRuns(
  scope: Scope,
  fields: readonly string[],
  signal: AbortSignal,
): Promise<Runs> {
  const columns = [...new Set(['name', ...fields])]
  const rows = Math.min(ROWS, Math.floor(CELLS / columns.length))
  const pages: Awaited<ReturnType<typeof page>>[] = []
  const page = (after: string | null) =>
    ask(ExploreRunsDocument, { ...scope, columns, rows, after }, signal)
  let after: string | null = null
  do {
    const next: Awaited<ReturnType<typeof page>> = await page(after)
    pages.push(next)
    const { hasNextPage, endCursor } = next.runTable
    after = hasNextPage ? (endCursor ?? null) : null
  } while (after !== null)
  const tables = pages.map(({ runTable }) => runTable)
  const found = columns.map((field, at) => {
    const parts = tables.map((table) => table.columns[at])
    const texts = parts[0]?.texts ? parts.flatMap((part) => part?.texts ?? []) : null
    const numbers = parts[0]?.numbers
      ? concat(parts.map((part) => decodeValues(part?.numbers ?? [])))
      : null
    return { field, numbers, texts, isNumber: isNumeric(numbers, texts) }
  })
  return {
    ids: tables.flatMap(({ runIds }) => runIds.map((id) => id ?? '')),
    names: found[0]?.texts ?? [],
    columns: new Map(found.map((column) => [column.field, column])),
  }
}

function concat(parts: readonly Float64Array[]): Float64Array {
  if (parts.length === 1 && parts[0]) return parts[0]
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

export function isNumeric(
  numbers: Float64Array | null,
  texts: readonly (string | null)[] | null,
): boolean {
  if (!numbers) return false
  if (!texts) return true
  let [some, others] = [0, 0]
  for (let at = 0; at < numbers.length; at++) {
    if (!Number.isNaN(numbers[at])) some++
    else if (texts[at] !== null) others++
  }
  return some > others
}

export interface Bar {
  values: readonly (string | null)[]
  runs: number
  n: number
  mean: number | null
  std: number | null
  min: number | null
  max: number | null
}

export async function fetchBars(
  scope: Scope,
  by: readonly string[],
  measure: string,
  signal: AbortSignal,
): Promise<{ bars: Bar[]; total: number }> {
  const { runGroups } = await ask(
    ExploreGroupsDocument,
    {
      ...scope,
      by: [...by],
      measures: [measure],
      orderBy: { measure, statistic: 'MEAN', direction: 'DESC' },
    },
    signal,
  )
  return { bars: runGroups.groups.map(toBar), total: runGroups.totalCount }
}

function toBar({ values, runs, measures }: ExploreGroupsQuery['runGroups']['groups'][number]): Bar {
  const number = (value: number | string | null | undefined) =>
    value === null || value === undefined ? null : toValue(value)
  const measure = measures[0]
  return {
    values,
    runs,
    n: measure?.n ?? 0,
    mean: number(measure?.mean),
    std: number(measure?.std),
    min: number(measure?.min),
    max: number(measure?.max),
  }
}
