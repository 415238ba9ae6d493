// Everything that tells runs apart: a row for each key, a column for each run.

import { Link } from '@tanstack/react-router'
import { type ReactElement, useMemo, useRef, useState } from 'react'
import { Swatch } from '#charts/Swatch.tsx'
import { formatCount } from '#lib/format.ts'
import { twins } from '#lib/palette.ts'
import { Copy } from '#ui/Copy.tsx'
import { Icon } from '#ui/icons.tsx'
import { Lines } from '#ui/Lines.tsx'
import { Notice } from '#ui/Notice.tsx'
import { SearchField } from '#ui/SearchField.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { Status } from '#ui/Status.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { STATISTICS, type Statistic, useFacts } from './facts.ts'
import type { Run } from './load.ts'
import { type CompareRow, change, toRows } from './rows.ts'

interface ColumnsProps {
  runs: readonly Run[]
  turn: number
  isAll: boolean
  onAll(isAll: boolean): void
  onRemove(id: string): void
}

const ROW_PX = 28
const WORDS: Record<Statistic, string> = {
  last: 'Last',
  min: 'Least',
  max: 'Greatest',
  mean: 'Mean',
}

export default function Columns(props: ColumnsProps): ReactElement {
  const { runs, turn, isAll, onAll, onRemove } = props
  const [search, setSearch] = useState('')
  const [statistic, setStatistic] = useState<Statistic>('last')
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set())
  const field = useRef<HTMLInputElement>(null)
  const ids = useMemo(() => runs.map((run) => run.id), [runs])
  const { sections, isLoading, error } = useFacts(ids, turn, statistic)
  const rows = useMemo(
    () => toRows(sections, ids, { isAll, search, folded }),
    [sections, ids, isAll, search, folded],
  )
  const shortcuts = useMemo<Shortcut[]>(
    () => [
      { key: '/', label: 'Search what is compared', run: () => field.current?.focus() },
      { key: 's', label: 'Only differences, or all', run: () => onAll(!isAll) },
    ],
    [isAll, onAll],
  )
  useShortcuts('Comparison', shortcuts, true)
  const fold = (name: string) => {
    const next = new Set(folded)
    if (!next.delete(name)) next.add(name)
    setFolded(next)
  }
  const marks = twins(ids)
  const head = (
    <div className="compare-row compare-head">
      <span className="compare-key muted">
        {formatCount(runs.length)} {runs.length === 1 ? 'run' : 'runs'}
      </span>
      {runs.map((run) => (
        <span key={run.id} className="compare-cell" role="columnheader" tabIndex={-1}>
          <Swatch runId={run.id} twin={marks.get(run.id) ?? 0} />
          <Status status={run.status} bare />
          <Link to="/runs/$runId" params={{ runId: run.id }} className="clip" title={run.name}>
            {run.name}
          </Link>
          <button
            type="button"
            className="quiet bare"
            aria-label={`Take ${run.name} out`}
            title="Take out"
            onClick={() => onRemove(run.id)}
          >
            <Icon name="close" />
          </button>
        </span>
      ))}
    </div>
  )
  const isEmpty = rows.every((row) => row.kind === 'head' && row.shown === 0)
  return (
    <section className="columns" aria-label="Differences">
      <div className="toolbar">
        <SearchField
          field={field}
          label="Search keys"
          placeholder="Keys…"
          value={search}
          onChange={setSearch}
        />
        <label className="check">
          <input
            type="checkbox"
            checked={!isAll}
            onChange={(event) => onAll(!event.target.checked)}
          />
          Only differences
        </label>
        <span className="spacer" />
        <fieldset className="segments" aria-label="Statistic of metrics">
          {STATISTICS.map((each) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === statistic}
              onClick={() => setStatistic(each)}
            >
              {WORDS[each]}
            </button>
          ))}
        </fieldset>
      </div>
      {error && <Notice title="Not all could be loaded" trouble={error} />}
      {isLoading && rows.length === 0 && <Skeleton rows={10} height={18} />}
      {!isLoading && isEmpty && (
        <p className="empty muted">
          {search ? `No key matches “${search}”.` : 'Nothing tells these runs apart.'}
        </p>
      )}
      <Lines
        count={isEmpty && !rows.length ? 0 : rows.length}
        rowPx={ROW_PX}
        label="What is compared"
        role="grid"
        className="compare-lines"
        head={head}
        line={(index) => {
          const row = rows[index]
          if (!row) return null
          if (row.kind === 'value') return <ValueRow key={`${row.section} ${row.key}`} row={row} />
          return <HeadRow key={row.name} row={row} isAll={isAll} onFold={() => fold(row.name)} />
        }}
      />
    </section>
  )
}

interface HeadRowProps {
  row: CompareRow & { kind: 'head' }
  isAll: boolean
  onFold(): void
}

function HeadRow({ row, isAll, onFold }: HeadRowProps): ReactElement {
  return (
    <div className="compare-section">
      <button type="button" className="section-head" aria-expanded={row.isOpen} onClick={onFold}>
        <Icon name="chevron" />
        {row.name}
        <span className="muted tabular">
          {row.shown === row.total
            ? formatCount(row.total)
            : `${formatCount(row.shown)} of ${formatCount(row.total)}${isAll ? '' : ' differ'}`}
        </span>
      </button>
    </div>
  )
}

function ValueRow({ row }: { row: CompareRow & { kind: 'value' } }): ReactElement {
  const [first] = row.values
  return (
    <div className={row.differs ? 'compare-row differs' : 'compare-row'} role="row" tabIndex={-1}>
      <span className="compare-key" role="rowheader" tabIndex={-1} title={row.key}>
        <span className="clip">{row.key}</span>
        <Copy text={row.key} label={`Copy ${row.key}`} bare />
      </span>
      {row.values.map((value, index) => {
        const delta = index ? change(value, first) : ''
        const isSame = index > 0 && value?.text === first?.text
        return (
          <span
            key={index}
            role="gridcell"
            tabIndex={-1}
            className={isSame && row.differs ? 'compare-cell same' : 'compare-cell'}
            title={value ? (value.exact ?? value.text) : undefined}
          >
            {value ? <span className="clip">{value.text}</span> : <span className="muted">–</span>}
            {delta && <span className="delta muted tabular">{delta}</span>}
          </span>
        )
      })}
    </div>
  )
}
