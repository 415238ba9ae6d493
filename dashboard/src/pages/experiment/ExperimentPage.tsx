// An experiment: its runs on the left, the charts of those selected or in sight on the right.
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import {
  type ReactElement,
  useCallback,
  useEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from 'react'
import { useQuery } from 'urql'
import { ask, change, documentText } from '#api/client.ts'
import { useConnection } from '#api/connection.ts'
import { ApiError, toApiError } from '#api/errors.ts'
import {
  DeleteRunDocument,
  ExperimentDocument,
  RestoreRunDocument,
  type RunRowFragment,
  RunRowsDocument,
  RunsDocument,
} from '#api/generated.ts'
import type { ChartRun } from '#charts/board.ts'
import { Charts, useBoard } from '#charts/Charts.tsx'
import { formatCount } from '#lib/format.ts'
import { twins } from '#lib/palette.ts'
import { searchPython } from '#lib/python.ts'
import { type ChartView, fromChartView, packList, toChartView, unpackList } from '#lib/view.ts'
import { CopyAs } from '#ui/CopyAs.tsx'
import { type Crumb, usePlace } from '#ui/crumbs.ts'
import { Icon } from '#ui/icons.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Popover } from '#ui/Popover.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { Split } from '#ui/Split.tsx'
import { Status } from '#ui/Status.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { toast } from '#ui/toasts.tsx'
import { ColumnChooser } from './ColumnChooser.tsx'
import { type ColumnId, defaultColumns, keysOf } from './columns.ts'
import { useKeys } from './keys.ts'
import { RunsTable, type Selection } from './RunsTable.tsx'
import { RunList } from './runs.ts'
import {
  type ExperimentSearch,
  type Layout,
  STATUSES,
  toIds,
  toOrder,
  toStatuses,
} from './search.ts'

const route = getRouteApi('/experiments/$experimentId')
// Curves beyond this many in one chart tell nothing, and cost much.
const CHARTED = 50
const UNSEEN = 20

export function ExperimentPage(): ReactElement {
  const { experimentId } = route.useParams()
  return <Experiment key={experimentId} id={experimentId} />
}

function Experiment({ id }: { id: string }): ReactElement {
  const [result] = useQuery({ query: ExperimentDocument, variables: { id } })
  const search = route.useSearch()
  const experiment = result.data?.experiment
  const name = experiment?.name ?? ''
  const crumbs = useMemo<Crumb[]>(() => [{ label: 'Experiments', href: '/' }], [])
  usePlace(crumbs, name)

  const set = useSetSearch()
  const list = useRunList(id)
  const listed = useSyncExternalStore(list.subscribe, () => list.state)
  const metrics = useKeys(id, 'metric')
  const params = useKeys(id, 'param', 100)
  const columns = useColumns(search.columns, metrics.keys, params.keys)
  const { q = '', status, sort = '-start' } = search
  const statusKey = toStatuses(status).join()
  useEffect(() => {
    if (!columns) return
    list.want({
      search: q,
      statuses: toStatuses(statusKey),
      order: toOrder(sort),
      keys: keysOf(columns),
    })
  }, [list, q, statusKey, sort, columns])
  const { refresh: refreshMetrics } = metrics
  const { refresh: refreshParams } = params
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of runs may bring new keys
  useEffect(() => {
    if (!listed.rows.some((run) => run.status === 'RUNNING') && metrics.keys?.length) return
    refreshMetrics()
    refreshParams()
  }, [listed.version, refreshMetrics, refreshParams])

  const runsKey = search.runs
  const selection = useMemo<Selection>(
    () => ({ ids: toIds(runsKey), set: (ids) => set({ runs: ids.join(',') || undefined }) }),
    [runsKey, set],
  )
  const [visible, setVisible] = useState<string[]>([])
  // Where the charts stand alone from the start, no table has told what is in sight.
  const inSight = visible.length ? visible : listed.rows.slice(0, UNSEEN).map((run) => run.id)
  const chartedIds = selection.ids.length ? selection.ids : inSight
  const runs = useChartRuns(list, listed.version, chartedIds.slice(0, CHARTED))
  const marks = useMemo(() => twins(runs.map((run) => run.id)), [runs])
  const view = useChartView(search)
  const board = useBoard(runs, view)
  const onView = useCallback(
    (next: Partial<ChartView>) => set(fromChartView({ ...view, ...next })),
    [view, set],
  )
  const navigate = useNavigate()
  const onOpen = useCallback(
    (runId: string) => void navigate({ to: '/runs/$runId', params: { runId } }),
    [navigate],
  )
  const layout: Layout = search.show ?? 'both'
  const compare = useCallback(() => {
    if (selection.ids.length > 1) {
      void navigate({ to: '/compare', search: { runs: selection.ids.slice(0, CHARTED).join(',') } })
    }
  }, [navigate, selection])
  usePageShortcuts(layout, set, compare)

  if (result.error && !experiment) {
    return <Notice title="The experiment could not be loaded" trouble={toApiError(result.error)} />
  }
  if (result.data && !experiment) {
    const missing = new ApiError('NOT_FOUND', `There is no experiment ${id}.`)
    return <Notice title="No such experiment" trouble={missing} />
  }
  const table = (
    <section className="table-pane" aria-label="Runs">
      <div className="toolbar">
        <div className="search">
          <Icon name="search" />
          <DraftInput value={q} onChange={(text) => set({ q: text || undefined })} />
        </div>
        <StatusFilter statuses={toStatuses(status)} set={set} />
        <ColumnChooser
          experimentId={id}
          columns={columns ?? []}
          onColumns={(next) => set({ columns: next ? packList(next) : undefined })}
        />
        <CopyAs
          what="the runs"
          python={() => {
            const statuses = toStatuses(status)
            return searchPython(location.origin, { experimentId: id, search: q, statuses })
          }}
          graphql={() => documentText(RunsDocument, toVariables(id, search, columns ?? []))}
        />
        <span className="count muted tabular" role="status" data-testid="count">
          {listed.isReady &&
            `${formatCount(listed.rows.length)} of ${formatCount(listed.total)} runs`}
        </span>
      </div>
      <SelectionBar selection={selection} compare={compare} />
      {listed.error && listed.rows.length === 0 ? (
        <Notice title="The runs could not be loaded" trouble={listed.error} />
      ) : !listed.isReady || !columns ? (
        <Skeleton rows={14} />
      ) : listed.rows.length === 0 ? (
        <p className="empty muted">
          {q || status ? 'No run matches.' : 'No run yet. The first one appears here by itself.'}
        </p>
      ) : (
        <RunsTable
          list={list}
          listed={listed}
          columns={columns}
          sort={sort}
          onSort={(next) => set({ sort: next === '-start' ? undefined : next })}
          selection={selection}
          pointer={board?.pointer ?? null}
          twins={marks}
          onVisible={setVisible}
          onOpen={onOpen}
        />
      )}
    </section>
  )
  const charts = (
    <div className="charts-pane">
      {metrics.error && !metrics.keys && (
        <Notice title="The metrics could not be loaded" trouble={metrics.error} />
      )}
      {chartedIds.length > CHARTED && (
        <p className="muted hint">
          The first {CHARTED} of {formatCount(chartedIds.length)} runs are drawn.
        </p>
      )}
      <Charts
        board={board}
        place={id}
        keys={listed.isReady ? metrics.keys : undefined}
        view={view}
        onView={onView}
        empty="No metric is logged yet. Curves appear here as soon as one is."
      />
    </div>
  )
  return (
    <main className="experiment">
      <h1 className="visually-hidden">{name}</h1>
      {layout === 'both' ? (
        <Split name="experiment" left={table} right={charts} />
      ) : layout === 'table' ? (
        <div className="split">
          <div className="pane rest">{table}</div>
        </div>
      ) : (
        <div className="split">
          <div className="pane rest">{charts}</div>
        </div>
      )}
    </main>
  )
}

type SetSearch = (change: { [name in keyof ExperimentSearch]?: unknown }) => void

function useSetSearch(): SetSearch {
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

function useRunList(id: string): RunList {
  const [list, setList] = useState(() => new RunList(id))
  const { epoch } = useConnection()
  useEffect(() => {
    // A list that was stopped, as React does once on trial, is not started again.
    const made = new RunList(id)
    setList(made)
    return () => made.stop()
  }, [id])
  useEffect(() => {
    if (epoch) list.reload()
  }, [epoch, list])
  return list
}

function useColumns(
  chosen: string | undefined,
  metricKeys: string[] | undefined,
  paramKeys: string[] | undefined,
): readonly ColumnId[] | undefined {
  const defaults =
    metricKeys && paramKeys ? packList(defaultColumns(metricKeys, paramKeys)) : undefined
  const packed = chosen ?? defaults
  return useMemo(() => (packed ? unpackList(packed) : undefined), [packed])
}

function useChartView(search: ExperimentSearch): ChartView {
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

/** The runs to chart; those that are selected but not loaded are fetched. */
function useChartRuns(list: RunList, version: number, ids: readonly string[]): ChartRun[] {
  const key = ids.join()
  const [fetched, setFetched] = useState<ReadonlyMap<string, RunRowFragment>>(new Map())
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is changed in place
  const missing = useMemo(
    () =>
      toIds(key)
        .filter((id) => !list.get(id) && !fetched.has(id))
        .join(),
    [key, list, version, fetched],
  )
  const isReady = version > 0
  useEffect(() => {
    if (!missing || !isReady) return
    let isCurrent = true
    const none = { metricKeys: [], paramKeys: [], tagKeys: [] }
    ask(RunRowsDocument, { ids: toIds(missing), ...none })
      .then(({ runsByIds }) => {
        if (!isCurrent) return
        setFetched(
          (before) => new Map([...before, ...runsByIds.map((run) => [run.id, run] as const)]),
        )
      })
      .catch((cause: unknown) => toast(toApiError(cause).message))
    return () => {
      isCurrent = false
    }
  }, [missing, isReady])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is changed in place
  const text = useMemo(
    () =>
      JSON.stringify(
        toIds(key).flatMap((id) => {
          const run = list.get(id) ?? fetched.get(id)
          if (!run) return []
          return [{ id, name: run.name, status: run.status, start: Date.parse(run.startTime) }]
        }),
      ),
    [key, list, version, fetched],
  )
  return useMemo(() => JSON.parse(text) as ChartRun[], [text])
}

function usePageShortcuts(layout: Layout, set: SetSearch, compare: () => void): void {
  const shortcuts = useMemo<Shortcut[]>(() => {
    const show = (next: Layout) => () =>
      set({ show: layout === next || next === 'both' ? undefined : next })
    return [
      { key: 'c', label: 'Compare the selected runs', run: compare },
      { key: '[', label: 'The table alone, or both', run: show('table') },
      { key: ']', label: 'The charts alone, or both', run: show('charts') },
    ]
  }, [layout, set, compare])
  useShortcuts('Experiment', shortcuts)
}

function toVariables(id: string, search: ExperimentSearch, columns: readonly ColumnId[]) {
  return {
    experimentIds: [id],
    search: search.q ?? null,
    statuses: search.status ? toStatuses(search.status) : null,
    ...toOrder(search.sort),
    first: 100,
    count: true,
    ...keysOf(columns),
  }
}

function DraftInput({
  value,
  onChange,
}: {
  value: string
  onChange(text: string): void
}): ReactElement {
  const [draft, setDraft] = useState(value)
  useEffect(() => setDraft(value), [value])
  useEffect(() => {
    if (draft === value) return
    const timer = setTimeout(() => onChange(draft), 200)
    return () => clearTimeout(timer)
  }, [draft, value, onChange])
  return (
    <input
      type="search"
      placeholder="Search runs…"
      aria-label="Search runs"
      value={draft}
      onChange={(event) => setDraft(event.target.value)}
    />
  )
}

function StatusFilter({
  statuses,
  set,
}: {
  statuses: readonly string[]
  set: SetSearch
}): ReactElement {
  const toggle = (status: string) => {
    const next = statuses.includes(status)
      ? statuses.filter((each) => each !== status)
      : [...statuses, status]
    set({ status: next.join(',').toLowerCase() || undefined })
  }
  return (
    <Popover
      label="Filter by status"
      trigger={
        <>
          <Icon name="filter" />
          <span className="wide-only">
            {statuses.length ? `${statuses.length} statuses` : 'Status'}
          </span>
        </>
      }
    >
      {STATUSES.map((status) => (
        <label key={status} className="check">
          <input
            type="checkbox"
            checked={statuses.includes(status)}
            onChange={() => toggle(status)}
          />
          <Status status={status} />
        </label>
      ))}
    </Popover>
  )
}

function SelectionBar({
  selection,
  compare,
}: {
  selection: Selection
  compare(): void
}): ReactElement | null {
  const { ids } = selection
  if (ids.length === 0) return null
  const remove = async () => {
    selection.set([])
    const results = await Promise.allSettled(ids.map((id) => change(DeleteRunDocument, { id })))
    const failed = results.find((result) => result.status === 'rejected')
    const count = results.filter((result) => result.status === 'fulfilled').length
    if (failed) toast(`Not deleted: ${toApiError(failed.reason).message}`)
    if (count === 0) return
    toast(`${count === 1 ? 'The run is' : `${count} runs are`} in the trash.`, {
      label: 'Undo',
      run: () => {
        Promise.all(ids.map((id) => change(RestoreRunDocument, { id }))).catch((cause: unknown) =>
          toast(`Not restored: ${toApiError(cause).message}`),
        )
      },
    })
  }
  return (
    <div className="toolbar selection">
      <span className="tabular">{formatCount(ids.length)} selected</span>
      <button type="button" className="primary" disabled={ids.length < 2} onClick={compare}>
        Compare
      </button>
      <button type="button" className="quiet" onClick={remove}>
        <Icon name="trash" /> Delete
      </button>
      <button type="button" className="quiet" onClick={() => selection.set([])}>
        Clear
      </button>
    </div>
  )
}
