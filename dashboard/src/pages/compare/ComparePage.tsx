// Several runs together: what tells them apart, and their curves in the same charts.
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { lazy, type ReactElement, Suspense, useCallback, useMemo } from 'react'
import type { ChartRun } from '#charts/board.ts'
import { Charts, useBoard } from '#charts/Charts.tsx'
import {
  type ChartSearch,
  type ChartView,
  checkChartSearch,
  fromChartView,
  readChoice,
  readText,
  toChartView,
} from '#lib/view.ts'
import { type Crumb, usePlace } from '#ui/crumbs.ts'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { Tabs } from '#ui/Tabs.tsx'
import { useCompared } from './load.ts'
import { RunsTable } from './RunsTable.tsx'
import './compare.css'

const Artifacts = lazy(() => import('./Artifacts.tsx'))
const Code = lazy(() => import('./Code.tsx'))
const Columns = lazy(() => import('./Columns.tsx'))
const Media = lazy(() => import('#media/Media.tsx'))

const TABS = ['charts', 'differences', 'code', 'artifacts', 'media'] as const
const TITLES = {
  charts: 'Charts',
  differences: 'Differences',
  code: 'Code',
  artifacts: 'Artifacts',
  media: 'Media',
} as const
type CompareTab = (typeof TABS)[number]

const TABS_OF_PAGE = TABS.map((name) => ({
  name,
  title: TITLES[name],
  href: '.',
  search: { tab: name === 'charts' ? undefined : name },
}))

export interface CompareSearch extends ChartSearch {
  /** Ids of the runs. */
  runs?: string
  /** Also what is the same in all runs. */
  same?: true
  tab?: CompareTab
  /** The artifact that is looked at in all runs. */
  path?: string
  /** Whose code is compared: two ids. */
  pair?: string
  /** The step of the media. */
  step?: number
}

export function checkSearch(raw: Record<string, unknown>): CompareSearch {
  const search: CompareSearch = checkChartSearch(raw)
  const runs = readText(raw, 'runs')
  if (runs) search.runs = runs
  if (raw.same === true) search.same = true
  const tab = readChoice(raw, 'tab', TABS)
  if (tab && tab !== 'charts') search.tab = tab
  for (const name of ['path', 'pair'] as const) {
    const text = readText(raw, name)
    if (text) search[name] = text
  }
  if (Number.isFinite(raw.step)) search.step = Number(raw.step)
  return search
}

const route = getRouteApi('/compare')

export function ComparePage(): ReactElement {
  const search = route.useSearch()
  const navigate = useNavigate()
  const idKey = search.runs ?? ''
  const ids = useMemo(() => idKey.split(',').filter(Boolean), [idKey])
  const { runs, keys, heard, turn, error } = useCompared(ids)
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
  const remove = (id: string) =>
    set({ runs: ids.filter((each) => each !== id).join(',') || undefined })
  if (ids.length === 0) {
    return (
      <p className="empty muted">
        Select runs of an <Link to="/">experiment</Link> and press <kbd>c</kbd> to compare them.
      </p>
    )
  }
  if (error && !runs) return <Notice title="The runs could not be loaded" trouble={error} />
  if (!runs) return <Skeleton rows={10} />
  const tab = search.tab ?? 'charts'
  return (
    <main className="compare">
      <h1 className="visually-hidden">Compare {ids.length} runs</h1>
      <Tabs label="Parts of the comparison" tabs={TABS_OF_PAGE} current={tab} />
      {runs.length < ids.length && (
        <p className="muted hint">
          {ids.length - runs.length} of {ids.length} runs are not there any more.
        </p>
      )}
      <Suspense fallback={<Skeleton rows={8} />}>
        {tab === 'charts' ? (
          <div className="compare-charts">
            <RunsTable
              runs={runs}
              heard={heard}
              pointer={board?.pointer ?? null}
              isAll={search.same ?? false}
              onAll={(isAll) => set({ same: isAll || undefined })}
              onRemove={remove}
            />
            <Charts
              board={board}
              place={experiment && isOne ? experiment.id : 'several'}
              keys={keys}
              view={view}
              onView={onView}
              empty="None of these runs has logged a metric yet."
            />
          </div>
        ) : tab === 'code' ? (
          <Code
            runs={runs}
            pair={search.pair ?? ''}
            onPair={(pair) => set({ pair: pair || undefined })}
          />
        ) : tab === 'artifacts' ? (
          <Artifacts
            runs={runs}
            path={search.path ?? ''}
            isAll={search.same ?? false}
            onAll={(isAll) => set({ same: isAll || undefined })}
            onPath={(path) => set({ path: path || undefined })}
          />
        ) : tab === 'media' ? (
          <Media
            runs={runs}
            isLive={runs.some((run) => run.status === 'RUNNING')}
            step={search.step ?? null}
            onStep={(step) => set({ step: step ?? undefined })}
          />
        ) : (
          <Columns
            runs={runs}
            turn={turn}
            isAll={search.same ?? false}
            onAll={(isAll) => set({ same: isAll || undefined })}
            onRemove={remove}
          />
        )}
      </Suspense>
    </main>
  )
}
