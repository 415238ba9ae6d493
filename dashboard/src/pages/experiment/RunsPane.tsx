// The runs of an experiment: the question above, the table below it.
import { type ReactElement, useMemo, useState } from 'react'
import type { Board } from '#charts/board.ts'
import { joinConditions } from '#lib/filters.ts'
import { formatCount } from '#lib/format.ts'
import { packList } from '#lib/view.ts'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { Builder } from './Builder.tsx'
import { ColumnChooser } from './ColumnChooser.tsx'
import { useDiffering } from './differing.ts'
import type { Columns, SetSearch } from './hooks.ts'
import { QueryBox } from './QueryBox.tsx'
import type { Question } from './question.ts'
import { RunsTable } from './RunsTable.tsx'
import { AskDialog, type Asked, SelectionBar } from './SelectionBar.tsx'
import type { ExperimentSearch } from './search.ts'
import type { Selection } from './selection.ts'
import type { ColumnActions } from './TableHead.tsx'
import { CopyQuestion, Download, Options } from './TableTools.tsx'
import type { RunTable, TableState } from './table.ts'
import { Views } from './Views.tsx'

interface RunsPaneProps {
  table: RunTable
  state: TableState
  question: Question
  columns: Columns
  search: ExperimentSearch
  set: SetSearch
  selection: Selection
  board: Board | null
  twins: ReadonlyMap<string, number>
  compare(): void
  onVisible(ids: string[]): void
  onOpen(id: string): void
}

export function RunsPane(props: RunsPaneProps): ReactElement {
  const { table, state, question, columns, search, set, selection, board, compare } = props
  const [asked, setAsked] = useState<Asked | null>(null)
  const { experimentId, filter, by, sorts } = question
  const setFilter = (next: string) => set({ filter: next || undefined })
  const shown = useDiffering(question, columns.columns, search.differing === true, state.found)
  const actions = useMemo<ColumnActions>(
    () => ({
      setColumns: columns.setColumns,
      setPins: columns.setPins,
      setWidth: columns.setWidth,
      setSorts: (next) => set({ sort: packList(next) }),
      groupBy: (field) => {
        const next = by.includes(field) ? by.filter((each) => each !== field) : [...by, field]
        set({ group: packList(next) })
      },
      filterTo: (condition) => set({ filter: joinConditions([filter, condition]) }),
    }),
    [columns, set, by, filter],
  )
  const questionKey = JSON.stringify(question)
  const isFiltered = filter !== ''
  return (
    <section className="table-pane" aria-label="Runs">
      <div className="toolbar query-bar">
        <QueryBox experimentId={experimentId} value={filter} onChange={setFilter} />
        <Builder experimentId={experimentId} value={filter} onChange={setFilter} />
      </div>
      <div className="toolbar">
        <ColumnChooser
          experimentId={experimentId}
          columns={columns.columns ?? []}
          pins={columns.pins}
          onColumns={columns.setColumns}
          onPins={columns.setPins}
        />
        <Options question={question} search={search} set={set} />
        <Views experimentId={experimentId} search={search} columns={columns} />
        <Download question={question} columns={shown ?? []} />
        <CopyQuestion question={question} columns={shown ?? []} />
        <Count state={state} question={question} />
      </div>
      {state.error && state.length === 0 && state.error.code !== 'INVALID_FILTER' ? (
        <Notice title="The runs could not be loaded" trouble={state.error} />
      ) : !columns.columns || !shown || (!state.isReady && state.length === 0) ? (
        <Skeleton rows={14} />
      ) : state.error?.code === 'INVALID_FILTER' ? (
        <Notice title="The filter can’t be read" trouble={state.error} />
      ) : state.isReady && state.length === 0 ? (
        <p className="empty muted">{emptyText(isFiltered, question.isTrash)}</p>
      ) : (
        <RunsTable
          table={table}
          state={state}
          questionKey={questionKey}
          columns={shown}
          pins={columns.pins}
          widths={columns.widths}
          sorts={sorts}
          by={by}
          actions={actions}
          selection={selection}
          pointer={board?.pointer ?? null}
          twins={props.twins}
          isBusy={!state.isReady}
          onVisible={props.onVisible}
          onOpen={props.onOpen}
          onRename={(id) => setAsked({ kind: 'rename', id, name: table.run(id)?.name ?? '' })}
          onTag={(ids) => setAsked({ kind: 'tag', ids })}
        />
      )}
      <SelectionBar
        selection={selection}
        isTrash={question.isTrash}
        compare={compare}
        onTag={(ids) => setAsked({ kind: 'tag', ids })}
      />
      <AskDialog asked={asked} onDone={() => setAsked(null)} />
    </section>
  )
}

function emptyText(isFiltered: boolean, isTrash: boolean): string {
  if (isFiltered) return 'No run matches.'
  return isTrash ? 'The trash is empty.' : 'No run yet. The first one appears here by itself.'
}

function Count({ state, question }: { state: TableState; question: Question }): ReactElement {
  const { found, all } = state
  const noun = question.isTrash ? 'deleted runs' : 'runs'
  const count = found === undefined ? '…' : formatCount(found)
  return (
    <span className="count muted tabular" role="status" data-testid="count">
      {all !== undefined &&
        `${count}${question.isTree ? ' outermost' : ''} of ${formatCount(all)} ${noun}`}
    </span>
  )
}
