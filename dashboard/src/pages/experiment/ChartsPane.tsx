// The charts of an experiment: curves, or a panel over all runs that the table finds.
import { type ReactElement, useEffect, useMemo, useRef, useState } from 'react'
import type { Board } from '#charts/board.ts'
import { Charts } from '#charts/Charts.tsx'
import { Panel, type PanelKind } from '#charts/explore/Panels.tsx'
import type { PanelProps } from '#charts/explore/panel.ts'
import { parseField, spellField } from '#lib/fields.ts'
import { joinConditions, quote } from '#lib/filters.ts'
import { formatCount } from '#lib/format.ts'
import { type ChartView, packList, unpackList } from '#lib/view.ts'
import { Notice } from '#ui/Notice.tsx'
import type { SetSearch } from './hooks.ts'
import type { useKeys } from './keys.ts'
import { type Question, scopeOf } from './question.ts'
import { type ExperimentSearch, PANELS } from './search.ts'
import type { Selection } from './selection.ts'

interface ChartsPaneProps {
  experimentId: string
  question: Question
  columns: readonly string[]
  /** Grows when runs have changed. */
  changes: number
  search: ExperimentSearch
  set: SetSearch
  selection: Selection
  board: Board | null
  /** Runs whose curves could be drawn, and how many are. */
  charted: number
  most: number
  isReady: boolean
  metrics: ReturnType<typeof useKeys>
  params: ReturnType<typeof useKeys>
  view: ChartView
  onView(change: Partial<ChartView>): void
  onOpen(runId: string): void
}

const TITLES = {
  curves: 'Curves',
  scatter: 'Scatter',
  bars: 'Bars',
  parallel: 'Parallel',
  importance: 'Importance',
} as const

export function ChartsPane(props: ChartsPaneProps): ReactElement {
  const { experimentId, question, search, set, selection, board, charted, most } = props
  const { metrics, view, onView } = props
  const panel = search.panel ?? 'curves'
  const isGrouped = panel === 'curves' && question.by.length > 0 && selection.ids.length === 0
  const kind: PanelKind | null = isGrouped ? 'groups' : panel === 'curves' ? null : panel
  return (
    <div className="charts-pane">
      <div className="panels" role="tablist" aria-label="Charts">
        {PANELS.map((each) => (
          <button
            key={each}
            type="button"
            role="tab"
            aria-selected={each === panel}
            onClick={() => set({ panel: each === 'curves' ? undefined : each, axes: undefined })}
          >
            {TITLES[each]}
          </button>
        ))}
      </div>
      {metrics.error && !metrics.keys && (
        <Notice title="The metrics could not be loaded" trouble={metrics.error} />
      )}
      {kind ? (
        <PanelOfRuns {...props} kind={kind} />
      ) : (
        <>
          {charted > most && (
            <p className="muted hint">
              The first {most} of {formatCount(charted)} runs are drawn.
            </p>
          )}
          <Charts
            board={board}
            place={experimentId}
            keys={props.isReady ? metrics.keys : undefined}
            view={view}
            onView={onView}
            empty="No metric is logged yet. Curves appear here as soon as one is."
          />
        </>
      )}
    </div>
  )
}

// A condition that names more runs than this is refused; more keys than this are no list to choose from.
const [NAMED, OFFERED] = [1_000, 500]
const CHANGES_MS = 4_000

function PanelOfRuns(props: ChartsPaneProps & { kind: PanelKind }): ReactElement {
  const { kind, question, columns, search, set, selection, metrics, params, onOpen } = props
  const version = useSlow(props.changes)
  const { ids } = selection
  const scope = useMemo(() => {
    const some = ids.length > 0 && ids.length <= NAMED
    const named = some ? `run_id IN (${ids.map(quote).join(', ')})` : ''
    return scopeOf({ ...question, filter: joinConditions([question.filter, named]) })
  }, [question, ids])
  const fields = useMemo(() => {
    const keys = metrics.keys?.slice(0, OFFERED).map((key) => spellField('metrics', key)) ?? []
    const some = params.keys?.map((key) => spellField('params', key)) ?? []
    return [...new Set([...columns, ...keys, ...some, 'status', 'start_time', 'duration'])]
  }, [columns, metrics.keys, params.keys])
  const numeric = useMemo(
    () => fields.filter((field) => parseField(field)?.entity === 'metrics').concat('duration'),
    [fields],
  )
  const axes = useMemo(() => unpackList(search.axes), [search.axes])
  const panel: PanelProps = {
    scope,
    version,
    by: question.by,
    axes,
    fields,
    numeric,
    onAxes: (next) => set({ axes: packList(next.filter(Boolean)) }),
    onFilter: (conditions) =>
      set({ filter: joinConditions([question.filter, ...conditions]) || undefined }),
    onOpen,
  }
  return (
    <>
      {ids.length > 0 && (
        <p className="muted hint">
          {ids.length <= NAMED
            ? `Of the ${formatCount(ids.length)} selected runs.`
            : `More than ${formatCount(NAMED)} runs are selected: all that are found are drawn.`}
        </p>
      )}
      <Panel kind={kind} {...panel} />
    </>
  )
}

/** The same, seldom: what is drawn of many runs is not drawn anew with each change of one. */
function useSlow(value: number): number {
  const [slow, setSlow] = useState(value)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const latest = useRef(value)
  latest.current = value
  useEffect(() => {
    if (value === slow) return
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      setSlow(latest.current)
    }, CHANGES_MS)
  }, [value, slow])
  useEffect(() => () => clearTimeout(timer.current), [])
  return slow
}
