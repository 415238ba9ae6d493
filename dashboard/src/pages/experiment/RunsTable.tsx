// The table of runs: rows and columns drawn only where they are in sight.
import { Link } from '@tanstack/react-router'
import {
  type ColumnDef,
  columnResizingFeature,
  columnSizingFeature,
  tableFeatures,
  useTable,
} from '@tanstack/react-table'
import { useVirtualizer } from '@tanstack/react-virtual'
import {
  type MouseEvent,
  type ReactElement,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import type { RunRowFragment } from '#api/generated.ts'
import type { Pointer } from '#charts/pointer.ts'
import { Swatch } from '#charts/Swatch.tsx'
import { Duration, Status } from '#ui/Status.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { type ColumnId, cellOf, columnLabel, columnWidth } from './columns.ts'
import type { Listed, RunList } from './runs.ts'

export const ROW_PX = 30
const NAME_PX = 236
const SELECT_PX = 30
// A page of rows before the end is in sight, the next one is fetched.
const AHEAD = 40

const features = tableFeatures({ columnSizingFeature, columnResizingFeature })

export interface Selection {
  ids: readonly string[]
  set(ids: string[]): void
}

interface RunsTableProps {
  list: RunList
  listed: Listed
  columns: readonly ColumnId[]
  sort: string
  onSort(sort: string): void
  selection: Selection
  pointer: Pointer | null
  /** Which of the charted runs of its colour each is. */
  twins: ReadonlyMap<string, number>
  onVisible(ids: string[]): void
  onOpen(id: string): void
}

const SORTS: Record<string, string> = { 'at:start': 'start', 'at:duration': 'duration' }

export function RunsTable(props: RunsTableProps): ReactElement {
  const { list, listed, columns, sort, onSort, selection, pointer, onVisible, onOpen } = props
  const scroller = useRef<HTMLDivElement>(null)
  const [cursor, setCursor] = useState(-1)
  const anchor = useRef(-1)
  const count = listed.rows.length + (listed.hasMore ? Math.min(AHEAD, rest(listed)) : 0)

  const defs = useMemo<ColumnDef<typeof features, RunRowFragment>[]>(
    () => columns.map((id) => ({ id, size: columnWidth(id), minSize: 56, maxSize: 640 })),
    [columns],
  )
  const rowsVirtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
    scrollPaddingStart: ROW_PX,
  })
  const items = rowsVirtual.getVirtualItems()
  const [first, last] = [items[0]?.index ?? 0, items.at(-1)?.index ?? -1]
  // The version makes a new window of rows when a value in it has changed.
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are changed in place
  const window = useMemo(
    () => listed.rows.slice(first, last + 1),
    [listed.rows, listed.version, first, last],
  )
  const table = useTable({
    features,
    columns: defs,
    data: window,
    getRowId: (run) => run.id,
    columnResizeMode: 'onChange',
  })
  const headers = table.getHeaderGroups()[0]?.headers ?? []
  const sizes = headers.map((header) => header.getSize())
  const columnsVirtual = useVirtualizer({
    horizontal: true,
    count: headers.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => sizes[index] ?? 100,
    overscan: 3,
    paddingStart: SELECT_PX + NAME_PX,
  })
  const sizeKey = sizes.join()
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured again when a width changes
  useEffect(() => columnsVirtual.measure(), [sizeKey])
  const columnItems = columnsVirtual.getVirtualItems()
  const width = columnsVirtual.getTotalSize()

  // biome-ignore lint/correctness/useExhaustiveDependencies: another order begins at its top
  useEffect(() => {
    if (scroller.current) scroller.current.scrollTop = 0
    setCursor(-1)
  }, [sort])

  useEffect(() => {
    if (last >= listed.rows.length - AHEAD) list.more()
  }, [list, listed, last])

  const top = rowsVirtual.scrollOffset ?? 0
  const seen = Math.floor(top / ROW_PX)
  const seenCount = Math.ceil(((rowsVirtual.scrollRect?.height ?? 600) - ROW_PX) / ROW_PX)
  const visibleKey = listed.rows
    .slice(seen, seen + seenCount)
    .map((run) => run.id)
    .join()
  useEffect(() => {
    const ids = visibleKey ? visibleKey.split(',') : []
    void list.ensure(ids)
    const timer = setTimeout(() => onVisible(ids), 150)
    return () => clearTimeout(timer)
  }, [list, onVisible, visibleKey])
  // biome-ignore lint/correctness/useExhaustiveDependencies: new columns need values for these rows
  useEffect(() => {
    void list.ensure(visibleKey ? visibleKey.split(',') : [])
  }, [columns])

  const selected = useMemo(() => new Set(selection.ids), [selection.ids])
  const pick = (index: number, kind: 'only' | 'toggle' | 'range') => {
    const run = listed.rows[index]
    if (!run) return
    setCursor(index)
    if (kind === 'range' && anchor.current >= 0) {
      const [from, to] = [Math.min(anchor.current, index), Math.max(anchor.current, index)]
      const range = listed.rows.slice(from, to + 1).map((each) => each.id)
      selection.set([...new Set([...selection.ids, ...range])])
      return
    }
    anchor.current = index
    if (selected.has(run.id) && (kind === 'toggle' || selected.size === 1)) {
      selection.set(selection.ids.filter((id) => id !== run.id))
    } else selection.set(kind === 'toggle' ? [...selection.ids, run.id] : [run.id])
  }
  const latest = useRef({ cursor, pick, listed, onOpen, selection, rowsVirtual, pointer })
  latest.current = { cursor, pick, listed, onOpen, selection, rowsVirtual, pointer }
  const shortcuts = useMemo<Shortcut[]>(() => {
    const move = (by: number) => {
      const { cursor: at, listed: now } = latest.current
      const next = Math.max(0, Math.min(now.rows.length - 1, at + by))
      setCursor(next)
      latest.current.rowsVirtual.scrollToIndex(next)
      latest.current.pointer?.move({ runId: now.rows[next]?.id ?? null })
    }
    return [
      { key: 'j', label: 'Next run', run: () => move(1) },
      { key: 'k', label: 'Previous run', run: () => move(-1) },
      {
        key: 'x',
        label: 'Select the run',
        run: () => latest.current.pick(latest.current.cursor, 'toggle'),
      },
      {
        key: 'X',
        label: 'Select up to the run',
        run: () => latest.current.pick(latest.current.cursor, 'range'),
      },
      {
        key: 'o',
        label: 'Open the run',
        run: () => {
          const run = latest.current.listed.rows[latest.current.cursor]
          if (run) latest.current.onOpen(run.id)
        },
      },
      { key: 'Escape', label: 'Select nothing', run: () => latest.current.selection.set([]) },
    ]
  }, [])
  useShortcuts('Runs', shortcuts)

  const onClick = (event: MouseEvent, index: number) => {
    if (event.target instanceof HTMLElement && event.target.closest('a')) return
    if (event.shiftKey) globalThis.getSelection()?.removeAllRanges()
    pick(index, event.shiftKey ? 'range' : event.metaKey || event.ctrlKey ? 'toggle' : 'only')
  }
  const now = Date.now()
  const allSeen = listed.rows.length > 0 && listed.rows.every((run) => selected.has(run.id))
  return (
    <div
      ref={scroller}
      className="runs"
      role="grid"
      aria-label="Runs"
      aria-rowcount={listed.total + 1}
      aria-colcount={columns.length + 2}
      aria-multiselectable
      tabIndex={-1}
      onPointerLeave={() => pointer?.leave()}
    >
      <div className="runs-body" style={{ height: rowsVirtual.getTotalSize() + ROW_PX, width }}>
        <div className="runs-head" role="row" tabIndex={-1} style={{ width }}>
          <div className="cell pick" role="columnheader" tabIndex={-1}>
            <input
              type="checkbox"
              aria-label="Select all loaded runs"
              checked={allSeen}
              onChange={() => selection.set(allSeen ? [] : listed.rows.map((run) => run.id))}
            />
          </div>
          <div
            className="cell name"
            role="columnheader"
            tabIndex={-1}
            style={{ width: NAME_PX }}
            aria-sort={ariaSort(sort, 'name')}
          >
            <Sortable label="Name" field="name" sort={sort} onSort={onSort} />
            <Sortable label="Status" field="status" sort={sort} onSort={onSort} />
          </div>
          {columnItems.map((item) => {
            const header = headers[item.index]
            if (!header) return null
            const { label, note } = columnLabel(header.column.id)
            const field = SORTS[header.column.id]
            return (
              <div
                key={header.id}
                className="cell at"
                role="columnheader"
                tabIndex={-1}
                style={{ left: item.start, width: item.size }}
                title={note ? `${label} (${note})` : label}
                aria-sort={field ? ariaSort(sort, field) : undefined}
              >
                {field ? (
                  <Sortable label={label} field={field} sort={sort} onSort={onSort} />
                ) : (
                  <span className="clip">{label}</span>
                )}
                {note && note !== 'last' && <small className="muted">{note}</small>}
                <i
                  className="resize"
                  aria-hidden="true"
                  onPointerDown={(event) => event.stopPropagation()}
                  onMouseDown={header.getResizeHandler()}
                  onTouchStart={header.getResizeHandler()}
                />
              </div>
            )
          })}
        </div>
        {items.map((item) => {
          const run = listed.rows[item.index]
          const style = { transform: `translateY(${item.start + ROW_PX}px)`, width }
          if (!run) return <div key={item.key} className="runs-row coming" style={style} />
          return (
            <Row
              key={run.id}
              run={run}
              index={item.index}
              style={style}
              columns={columnItems.flatMap((each) => {
                const id = headers[each.index]?.column.id
                return id ? [{ id, left: each.start, width: each.size }] : []
              })}
              isSelected={selected.has(run.id)}
              isAt={item.index === cursor}
              heard={list.heard(run.id)}
              now={now}
              pointer={pointer}
              twin={props.twins.get(run.id) ?? 0}
              onClick={onClick}
              onPick={pick}
            />
          )
        })}
      </div>
    </div>
  )
}

interface RowProps {
  run: RunRowFragment
  index: number
  style: { transform: string; width: number }
  columns: { id: ColumnId; left: number; width: number }[]
  isSelected: boolean
  isAt: boolean
  heard: number
  now: number
  pointer: Pointer | null
  twin: number
  onClick(event: MouseEvent, index: number): void
  onPick(index: number, kind: 'toggle' | 'range'): void
}

function Row(props: RowProps): ReactElement {
  const { run, index, style, columns, isSelected, isAt, heard, now, pointer, twin } = props
  const { onClick, onPick } = props
  const isLit = useSyncExternalStore(
    pointer?.subscribe ?? never,
    () => pointer?.at.runId === run.id,
  )
  const state = `${isSelected ? ' selected' : ''}${isLit ? ' lit' : ''}${isAt ? ' at-cursor' : ''}`
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: j, k and x do the same for the keyboard
    <div
      className={`runs-row${state}`}
      role="row"
      tabIndex={-1}
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      data-run={run.id}
      style={style}
      onClick={(event) => onClick(event, index)}
      onPointerEnter={() => pointer?.move({ runId: run.id })}
    >
      <div className="cell pick" role="gridcell" tabIndex={-1}>
        <input
          type="checkbox"
          aria-label={`Select ${run.name}`}
          checked={isSelected}
          onClick={(event) => {
            event.stopPropagation()
            onPick(index, event.shiftKey ? 'range' : 'toggle')
          }}
          onChange={() => undefined}
        />
      </div>
      <div className="cell name" role="rowheader" tabIndex={-1} style={{ width: NAME_PX }}>
        <Swatch runId={run.id} twin={twin} />
        <Link to="/runs/$runId" params={{ runId: run.id }} className="clip" title={run.name}>
          {run.name}
        </Link>
        <Status status={run.status} bare />
      </div>
      {columns.map(({ id, left, width }) => {
        const value = cellOf(run, id, now)
        const isTicking = id === 'at:duration' && run.status === 'RUNNING'
        return (
          <div
            key={id}
            className={value.isNumber ? 'cell at right tabular' : 'cell at'}
            role="gridcell"
            tabIndex={-1}
            style={{ left, width }}
            title={value.exact}
          >
            <span className="clip">
              {isTicking ? <Duration ms={Number(run.durationMs)} at={heard} ticking /> : value.text}
            </span>
          </div>
        )
      })}
    </div>
  )
}

interface SortableProps {
  label: string
  field: string
  sort: string
  onSort(sort: string): void
}

function Sortable({ label, field, sort, onSort }: SortableProps): ReactElement {
  const isUp = sort === field
  const isDown = sort === `-${field}`
  return (
    <button
      type="button"
      className="sortable"
      onClick={() => onSort(isDown ? field : isUp ? '-start' : `-${field}`)}
    >
      {label}
      <span aria-hidden="true">{isUp ? ' ↑' : isDown ? ' ↓' : ''}</span>
    </button>
  )
}

function ariaSort(sort: string, field: string): 'ascending' | 'descending' | 'none' {
  if (sort === field) return 'ascending'
  return sort === `-${field}` ? 'descending' : 'none'
}

function rest(listed: Listed): number {
  return Math.max(1, listed.total - listed.rows.length)
}

function never(): () => void {
  return () => undefined
}
