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
import { ApiError, toApiError } from '#api/errors.ts'
import { ExperimentDocument } from '#api/generated.ts'
import { useBoard } from '#charts/Charts.tsx'
import { twins } from '#lib/palette.ts'
import { type ChartView, fromChartView } from '#lib/view.ts'
import { type Crumb, usePlace } from '#ui/crumbs.ts'
import { Notice } from '#ui/Notice.tsx'
import { Split } from '#ui/Split.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { ChartsPane } from './ChartsPane.tsx'
import {
  type SetSearch,
  useChartRuns,
  useChartView,
  useColumns,
  useQuestion,
  useRunTable,
  useSetSearch,
} from './hooks.ts'
import { useKeys } from './keys.ts'
import { RunsPane } from './RunsPane.tsx'
import type { Layout } from './search.ts'
import { useSelection } from './selection.ts'
import { useNamedView } from './Views.tsx'

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
  const table = useRunTable(id)
  const state = useSyncExternalStore(table.subscribe, () => table.state)
  const metrics = useKeys(id, 'METRIC')
  const params = useKeys(id, 'PARAM', 100)
  const columns = useColumns(id, search, set, metrics.keys, params.keys)
  useNamedView(search, set, columns)
  const question = useQuestion(id, search)
  useEffect(() => {
    if (columns.columns) table.want(question, columns.columns)
  }, [table, question, columns.columns])
  const { refresh: refreshMetrics } = metrics
  const { refresh: refreshParams } = params
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of runs may bring new keys
  useEffect(() => {
    if (metrics.keys?.length && !table.isMoving) return
    refreshMetrics()
    refreshParams()
  }, [state.version, refreshMetrics, refreshParams])

  const setRuns = useCallback((runs: string | undefined) => set({ runs }), [set])
  const selection = useSelection(search.runs, setRuns)
  const [visible, setVisible] = useState<string[]>([])
  // Where the charts stand alone from the start, no table has told what is in sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the table is changed in place
  const unseen = useMemo(() => table.firstRuns(UNSEEN), [table, state.version])
  const inSight = visible.length ? visible : unseen
  const chartedIds = selection.ids.length ? selection.ids : inSight
  const runs = useChartRuns(table, state.version, chartedIds.slice(0, CHARTED))
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
  const left = (
    <RunsPane
      table={table}
      state={state}
      question={question}
      columns={columns}
      search={search}
      set={set}
      selection={selection}
      board={board}
      twins={marks}
      compare={compare}
      onVisible={setVisible}
      onOpen={onOpen}
    />
  )
  const right = (
    <ChartsPane
      experimentId={id}
      question={question}
      columns={columns.columns ?? []}
      changes={state.changes}
      search={search}
      set={set}
      selection={selection}
      board={board}
      charted={chartedIds.length}
      most={CHARTED}
      isReady={state.isReady}
      metrics={metrics}
      params={params}
      view={view}
      onView={onView}
      onOpen={onOpen}
    />
  )
  return (
    <main className="experiment">
      <h1 className="visually-hidden">{name}</h1>
      {layout === 'both' ? (
        <Split name="experiment" left={left} right={right} />
      ) : (
        <div className="split">
          <div className="pane rest">{layout === 'table' ? left : right}</div>
        </div>
      )}
    </main>
  )
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
