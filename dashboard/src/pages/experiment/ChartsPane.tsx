// The charts of an experiment: curves, or a panel over all runs that the table finds.
import type { ReactElement } from 'react'
import type { Board } from '#charts/board.ts'
import { Charts } from '#charts/Charts.tsx'
import { formatCount } from '#lib/format.ts'
import type { ChartView } from '#lib/view.ts'
import { Notice } from '#ui/Notice.tsx'
import type { SetSearch } from './hooks.ts'
import type { useKeys } from './keys.ts'
import type { Question } from './question.ts'
import type { ExperimentSearch } from './search.ts'
import type { Selection } from './selection.ts'

const CHARTED = 50

export interface ChartsPaneProps {
  experimentId: string
  question: Question
  columns: readonly string[]
  version: number
  search: ExperimentSearch
  set: SetSearch
  selection: Selection
  board: Board | null
  /** Runs whose curves are asked for. */
  charted: number
  isReady: boolean
  metrics: ReturnType<typeof useKeys>
  view: ChartView
  onView(change: Partial<ChartView>): void
}

export function ChartsPane(props: ChartsPaneProps): ReactElement {
  const { experimentId, board, charted, isReady, metrics, view, onView } = props
  return (
    <div className="charts-pane">
      {metrics.error && !metrics.keys && (
        <Notice title="The metrics could not be loaded" trouble={metrics.error} />
      )}
      {charted > CHARTED && (
        <p className="muted hint">
          The first {CHARTED} of {formatCount(charted)} runs are drawn.
        </p>
      )}
      <Charts
        board={board}
        place={experimentId}
        keys={isReady ? metrics.keys : undefined}
        view={view}
        onView={onView}
        empty="No metric is logged yet. Curves appear here as soon as one is."
      />
    </div>
  )
}
