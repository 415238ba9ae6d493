// A run's metrics as they come, beside what it was given.
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useCallback, useMemo } from 'react'
import type { ChartRun } from '#charts/board.ts'
import { Charts, useBoard } from '#charts/Charts.tsx'
import { type ChartSearch, type ChartView, fromChartView, toChartView } from '#lib/view.ts'
import { Notice } from '#ui/Notice.tsx'
import { Details } from './Details.tsx'
import type { FullRun } from './load.ts'
import { useRunMetrics } from './metrics.ts'

const route = getRouteApi('/runs/$runId')
const SYSTEM = /^system\//

export function ChartsTab({ run }: { run: FullRun }): ReactElement {
  return (
    <div className="run-body">
      <Details run={run} />
      <RunCharts run={run} empty="No metric is logged yet. Curves appear here as soon as one is." />
    </div>
  )
}

/** Those of the machine alone. */
export function SystemTab({ run }: { run: FullRun }): ReactElement {
  return (
    <RunCharts
      run={run}
      only={SYSTEM}
      empty="The machine was not measured: enable_system_metrics_logging() before start_run, or log keys that begin with system/."
    />
  )
}

function RunCharts(props: { run: FullRun; only?: RegExp; empty: string }): ReactElement {
  const { run, only, empty } = props
  const search = route.useSearch()
  const navigate = useNavigate()
  const { keys, error } = useRunMetrics(run.id, run.metrics.totalCount)
  const shown = useMemo(() => (only ? keys?.filter((key) => only.test(key)) : keys), [keys, only])
  const view = useMemo(() => toChartView(search), [search])
  const runs = useMemo<ChartRun[]>(
    () => [{ id: run.id, name: run.name, status: run.status, start: Date.parse(run.startTime) }],
    [run.id, run.name, run.status, run.startTime],
  )
  const board = useBoard(runs, view)
  const onView = useCallback(
    (next: Partial<ChartView>) =>
      void navigate({
        to: '.',
        search: (before: ChartSearch) =>
          ({ ...before, ...fromChartView({ ...view, ...next }) }) as ChartSearch,
        replace: true,
      }),
    [navigate, view],
  )
  return (
    <div className="charts-pane">
      {error && !keys && <Notice title="The metrics could not be loaded" trouble={error} />}
      <Charts
        board={board}
        place={run.experimentId}
        keys={shown}
        view={view}
        onView={onView}
        empty={empty}
      />
    </div>
  )
}
