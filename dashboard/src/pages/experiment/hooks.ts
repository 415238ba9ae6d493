// The table, its columns and its charts' runs, as the address of the page has them.
import { useNavigate } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useConnection } from '#api/connection.ts'
import { toApiError } from '#api/errors.ts'
import type { ChartRun } from '#charts/board.ts'
import { type ChartView, packList, toChartView, unpackList } from '#lib/view.ts'
import { toast } from '#ui/toasts.tsx'
import { defaultColumns, type Kept, recallColumns, rememberColumns } from './columns.ts'
import { fetchRows, type Question } from './question.ts'
import type { Row } from './rows.ts'
import { type ExperimentSearch, toIds } from './search.ts'
import { RunTable } from './table.ts'

export type SetSearch = (change: { [name in keyof ExperimentSearch]?: unknown }) => void

export function useSetSearch(): SetSearch {
  const navigate = useNavigate()
  return useCallback(
    (next) =>
      void navigate({
        to: '.',
        search: (before: ExperimentSearch) => ({ ...before, ...next }) as ExperimentSearch,
        replace: true,
      }),
    [navigate],
  )
}

export function useRunTable(id: string): RunTable {
  const [table, setTable] = useState(() => new RunTable())
  const { epoch } = useConnection()
  // biome-ignore lint/correctness/useExhaustiveDependencies: another experiment, another table
  useEffect(() => {
    // A table that was stopped, as React does once on trial, is not started again.
    const made = new RunTable()
    setTable(made)
    return () => made.stop()
  }, [id])
  useEffect(() => {
    if (epoch) table.refresh()
  }, [epoch, table])
  return table
}

export function useQuestion(experimentId: string, search: ExperimentSearch): Question {
  const { filter = '', sort, group, tree = false, trash = false } = search
  return useMemo(
    () => ({
      experimentId,
      filter,
      sorts: unpackList(sort),
      by: unpackList(group),
      isTree: tree && !group,
      isTrash: trash,
    }),
    [experimentId, filter, sort, group, tree, trash],
  )
}

export interface Columns {
  /** Undefined until the keys are known that the default ones come of. */
  columns: readonly string[] | undefined
  pins: readonly string[]
  widths: Readonly<Record<string, number>>
  setColumns(columns: readonly string[] | null): void
  setPins(pins: readonly string[]): void
  setWidth(field: string, px: number): void
  setWidths(widths: Record<string, number>): void
}

/** The address goes before what the browser remembers, that before what is usual. */
export function useColumns(
  experimentId: string,
  search: ExperimentSearch,
  set: SetSearch,
  metricKeys: string[] | undefined,
  paramKeys: string[] | undefined,
): Columns {
  const [kept, setKept] = useState<Kept>(() => recallColumns(experimentId))
  const defaults =
    metricKeys && paramKeys ? packList(defaultColumns(metricKeys, paramKeys)) : undefined
  const packed = search.columns ?? packList(kept.columns ?? []) ?? defaults
  const packedPins = search.pins ?? (search.columns ? undefined : packList(kept.pins ?? []))
  const columns = useMemo(() => (packed ? unpackList(packed) : undefined), [packed])
  const pins = useMemo(() => unpackList(packedPins), [packedPins])
  const keep = useCallback(
    (change: Partial<Kept>) =>
      setKept((before) => {
        const after = { ...before, ...change }
        rememberColumns(experimentId, after)
        return after
      }),
    [experimentId],
  )
  return useMemo(
    () => ({
      columns,
      pins,
      widths: kept.widths,
      setColumns: (next) => {
        keep(next ? { columns: [...next], pins: [...pins] } : { columns: [], pins: [] })
        set({ columns: next ? packList(next) : undefined, ...(next ? {} : { pins: undefined }) })
      },
      setPins: (next) => {
        keep({ pins: [...next], columns: [...(columns ?? [])] })
        set({ pins: packList(next), columns: packList(columns ?? []) })
      },
      setWidth: (field, px) =>
        keep({ widths: { ...recallColumns(experimentId).widths, [field]: px } }),
      setWidths: (widths) => keep({ widths }),
    }),
    [columns, pins, kept.widths, keep, set, experimentId],
  )
}

export function useChartView(search: ExperimentSearch): ChartView {
  const { x, smooth, log, clip, zoom, keys, toggled, full } = search
  return useMemo(
    () =>
      toChartView({
        ...(x && { x }),
        ...(smooth && { smooth }),
        ...(log && { log }),
        ...(clip && { clip }),
        ...(zoom && { zoom }),
        ...(keys && { keys }),
        ...(toggled && { toggled }),
        ...(full && { full }),
      }),
    [x, smooth, log, clip, zoom, keys, toggled, full],
  )
}

/** The runs to chart; those that are selected but not in the table are fetched. */
export function useChartRuns(table: RunTable, version: number, ids: readonly string[]): ChartRun[] {
  const key = ids.join()
  const [fetched, setFetched] = useState<ReadonlyMap<string, Row>>(new Map())
  // biome-ignore lint/correctness/useExhaustiveDependencies: the table is changed in place
  const missing = useMemo(
    () =>
      toIds(key)
        .filter((id) => !table.run(id) && !fetched.has(id))
        .join(),
    [key, table, version, fetched],
  )
  const isReady = version > 0
  useEffect(() => {
    if (!missing || !isReady) return
    let isCurrent = true
    fetchRows(toIds(missing), [])
      .then((rows) => {
        if (!isCurrent) return
        setFetched((before) => new Map([...before, ...rows.map((row) => [row.id, row] as const)]))
      })
      .catch((cause: unknown) => toast(toApiError(cause).message))
    return () => {
      isCurrent = false
    }
  }, [missing, isReady])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the table is changed in place
  const text = useMemo(
    () =>
      JSON.stringify(
        toIds(key).flatMap((id) => {
          const run = table.run(id) ?? fetched.get(id)
          if (!run) return []
          return [{ id, name: run.name, status: run.status, start: run.number('start_time') ?? 0 }]
        }),
      ),
    [key, table, version, fetched],
  )
  return useMemo(() => JSON.parse(text) as ChartRun[], [text])
}
