// Several runs together: what tells them apart, and their curves in the same charts.
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useCallback, useEffect, useMemo, useState } from 'react'
import { ask, documentText, listen } from '#api/client.ts'
import { useConnection } from '#api/connection.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import {
  ComparedMetricsDocument,
  ComparedRunsDocument,
  type ComparedRunsQuery,
  ComparedStatusDocument,
} from '#api/generated.ts'
import type { ChartRun } from '#charts/board.ts'
import { Charts, useBoard } from '#charts/Charts.tsx'
import type { Pointer } from '#charts/pointer.ts'
import { Swatch } from '#charts/Swatch.tsx'
import { twins } from '#lib/palette.ts'
import { runsPython } from '#lib/python.ts'
import {
  type ChartSearch,
  type ChartView,
  checkChartSearch,
  fromChartView,
  readText,
  toChartView,
} from '#lib/view.ts'
import { CopyAs } from '#ui/CopyAs.tsx'
import { type Crumb, usePlace } from '#ui/crumbs.ts'
import { Icon } from '#ui/icons.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { Duration, Status } from '#ui/Status.tsx'
import { toParamRows } from './differences.ts'

export interface CompareSearch extends ChartSearch {
  /** Ids of the runs. */
  runs?: string
  /** Also the params that are the same in all runs. */
  same?: true
}

export function checkSearch(raw: Record<string, unknown>): CompareSearch {
  const search: CompareSearch = checkChartSearch(raw)
  const runs = readText(raw, 'runs')
  if (runs) search.runs = runs
  if (raw.same === true) search.same = true
  return search
}

const route = getRouteApi('/compare')

type Run = ComparedRunsQuery['runsByIds'][number]

export function ComparePage(): ReactElement {
  const search = route.useSearch()
  const navigate = useNavigate()
  const idKey = search.runs ?? ''
  const ids = useMemo(() => idKey.split(',').filter(Boolean), [idKey])
  const { runs, keys, heard, error } = useCompared(ids)
  const experiment = runs?.[0]?.experiment
  const isOne = runs?.every((run) => run.experiment.id === experiment?.id)
  const crumbs = useMemo<Crumb[]>(
    () => [
      { label: 'Experiments', href: '/' },
      ...(experiment && isOne
        ? [{ label: experiment.name, href: `/experiments/${experiment.id}` }]
        : []),
    ],
    [experiment, isOne],
  )
  usePlace(crumbs, `Compare ${ids.length} runs`)
  const view = useMemo(() => toChartView(search), [search])
  const charted = useMemo<ChartRun[]>(
    () =>
      (runs ?? []).map(({ id, name, status, startTime }) => ({
        id,
        name,
        status,
        start: Date.parse(startTime),
      })),
    [runs],
  )
  const board = useBoard(charted, view)
  const set = useCallback(
    (next: { [name in keyof CompareSearch]?: unknown }) =>
      void navigate({
        to: '.',
        search: (before: CompareSearch) => ({ ...before, ...next }) as CompareSearch,
        replace: true,
      }),
    [navigate],
  )
  const onView = useCallback(
    (next: Partial<ChartView>) => set(fromChartView({ ...view, ...next })),
    [set, view],
  )
  if (ids.length === 0) {
    return (
      <p className="empty muted">
        Select runs of an <Link to="/">experiment</Link> and press <kbd>c</kbd> to compare them.
      </p>
    )
  }
  if (error && !runs) return <Notice title="The runs could not be loaded" trouble={error} />
  if (!runs) return <Skeleton rows={10} />
  return (
    <main className="compare">
      <h1 className="visually-hidden">Compare {ids.length} runs</h1>
      {runs.length < ids.length && (
        <p className="muted hint">
          {ids.length - runs.length} of {ids.length} runs are not there any more.
        </p>
      )}
      <Differences
        runs={runs}
        heard={heard}
        pointer={board?.pointer ?? null}
        isAll={search.same ?? false}
        onAll={(isAll) => set({ same: isAll || undefined })}
        onRemove={(id) => set({ runs: ids.filter((each) => each !== id).join(',') || undefined })}
      />
      <Charts
        board={board}
        place={experiment && isOne ? experiment.id : 'several'}
        keys={keys}
        view={view}
        onView={onView}
        empty="None of these runs has logged a metric yet."
      />
    </main>
  )
}

interface DifferencesProps {
  runs: readonly Run[]
  heard: number
  pointer: Pointer | null
  isAll: boolean
  onAll(isAll: boolean): void
  onRemove(id: string): void
}

function Differences(props: DifferencesProps): ReactElement {
  const { runs, heard, pointer, isAll, onAll, onRemove } = props
  const rows = useMemo(() => toParamRows(runs), [runs])
  const shown = isAll ? rows : rows.filter((row) => row.differs)
  const marks = twins(runs.map((run) => run.id))
  const same = rows.length - rows.filter((row) => row.differs).length
  return (
    <section className="differences" aria-label="Differences">
      <div className="scroll-x">
        <table>
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">Status</th>
              <th scope="col" className="right">
                Duration
              </th>
              {shown.map((row) => (
                <th key={row.key} scope="col" className="right" title={row.key}>
                  {row.key}
                </th>
              ))}
              <td>
                <CopyAs
                  what="the runs"
                  python={() => runsPython(location.origin, runs)}
                  graphql={() =>
                    documentText(ComparedRunsDocument, { ids: runs.map((run) => run.id) })
                  }
                />
              </td>
            </tr>
          </thead>
          <tbody>
            {runs.map((run, index) => (
              <tr
                key={run.id}
                onPointerEnter={() => pointer?.move({ runId: run.id })}
                onPointerLeave={() => pointer?.leave()}
              >
                <th scope="row">
                  <span className="run-name">
                    <Swatch runId={run.id} twin={marks.get(run.id) ?? 0} />
                    <Link to="/runs/$runId" params={{ runId: run.id }} className="clip">
                      {run.name}
                    </Link>
                  </span>
                </th>
                <td>
                  <Status status={run.status} />
                </td>
                <td className="right tabular">
                  <Duration
                    ms={Number(run.durationMs)}
                    at={heard}
                    ticking={run.status === 'RUNNING'}
                  />
                </td>
                {shown.map((row) => (
                  <td key={row.key} className="right tabular clip" title={row.values[index]}>
                    {row.values[index] ?? <span className="muted">–</span>}
                  </td>
                ))}
                <td>
                  <button
                    type="button"
                    className="quiet bare"
                    aria-label={`Take ${run.name} out`}
                    title="Take out"
                    onClick={() => onRemove(run.id)}
                  >
                    <Icon name="close" />
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {same > 0 && (
        <button type="button" className="quiet" aria-pressed={isAll} onClick={() => onAll(!isAll)}>
          {isAll ? 'Only params that differ' : `Also the ${same} params that are the same`}
        </button>
      )}
    </section>
  )
}

interface ComparedRuns {
  runs: Run[] | undefined
  keys: string[] | undefined
  heard: number
  error: ApiError | null
}

const REFRESH_MS = 1_500

function useCompared(ids: readonly string[]): ComparedRuns {
  const [state, setState] = useState<ComparedRuns>({
    runs: undefined,
    keys: undefined,
    heard: 0,
    error: null,
  })
  const { epoch } = useConnection()
  const experimentKey = [...new Set(state.runs?.map((run) => run.experiment.id))].join()
  const [turn, setTurn] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when something has changed
  useEffect(() => {
    if (ids.length === 0) return
    let isCurrent = true
    const load = async () => {
      try {
        const [{ runsByIds: found }, { runsByIds: logged }] = await Promise.all([
          ask(ComparedRunsDocument, { ids: [...ids] }),
          ask(ComparedMetricsDocument, { ids: [...ids] }),
        ])
        if (!isCurrent) return
        const keys = [...new Set(logged.flatMap((run) => run.metrics.nodes.map(({ key }) => key)))]
        const byId = new Map(found.map((run) => [run.id, run]))
        const runs = ids.flatMap((id) => byId.get(id) ?? [])
        setState((before) => ({
          runs,
          keys: before.keys?.join('\n') === keys.join('\n') ? before.keys : keys,
          heard: Date.now(),
          error: null,
        }))
      } catch (cause) {
        if (isCurrent) setState((before) => ({ ...before, error: toApiError(cause) }))
      }
    }
    void load()
    return () => {
      isCurrent = false
    }
  }, [ids, epoch, turn])
  useEffect(() => {
    if (!experimentKey) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const stop = listen(
      ComparedStatusDocument,
      () => ({ experimentIds: experimentKey.split(',') }),
      {
        next: ({ runsChanged }) => {
          if (!runsChanged.runs.some((run) => ids.includes(run.id))) return
          timer ??= setTimeout(() => {
            timer = undefined
            setTurn((count) => count + 1)
          }, REFRESH_MS)
        },
        failed: (error) => setState((before) => ({ ...before, error })),
      },
    )
    return () => {
      clearTimeout(timer)
      stop()
    }
  }, [ids, experimentKey])
  return state
}
