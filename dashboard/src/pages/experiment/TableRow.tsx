// One line of the table: a run, a group of runs, or the shape of one that is coming.
import {
  type MouseEvent,
  memo,
  type ReactElement,
  type ReactNode,
  useSyncExternalStore,
} from 'react'
import { groupColor } from '#charts/colors.ts'
import type { Pointer } from '#charts/pointer.ts'
import { Swatch } from '#charts/Swatch.tsx'
import { formatCount } from '#lib/format.ts'
import { Icon } from '#ui/icons.tsx'
import { Duration, Status } from '#ui/Status.tsx'
import { type Placed, ROW_PX } from './columns.ts'
import {
  type Cell,
  type Group,
  groupCell,
  groupName,
  type Item,
  NOTHING,
  type Row,
} from './rows.ts'

interface TableRowProps {
  item: Item | undefined
  number: number
  depth: number
  isOpen: boolean
  /** Fields grouped by, whose values a group shows in their columns. */
  by: readonly string[]
  columns: readonly Placed[]
  nameWidth: number
  width: number
  isSelected: boolean
  isAt: boolean
  now: number
  pointer: Pointer | null
  twin: number
  onClick(event: MouseEvent, number: number): void
  onPick(number: number, kind: 'toggle' | 'range'): void
  onToggle(number: number): void
}

const INDENT_PX = 16

export const TableRow = memo(function TableRow(props: TableRowProps): ReactElement {
  const { item, number, width, isSelected, isAt, pointer, onClick } = props
  const id = item?.id
  const isLit = useSyncExternalStore(
    pointer?.subscribe ?? never,
    () => id !== undefined && pointer?.at.runId === id,
  )
  const isRun = item?.kind === 'run'
  const state = `${isSelected ? ' selected' : ''}${isLit ? ' lit' : ''}${isAt ? ' at-cursor' : ''}`
  const kind = isRun ? '' : item ? ' group' : ' coming'
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: j, k, x and l do the same for the keyboard
    <div
      className={`runs-row${state}${kind}`}
      role="row"
      tabIndex={-1}
      aria-rowindex={number + 2}
      aria-selected={isRun ? isSelected : undefined}
      aria-level={props.depth + 1}
      aria-expanded={item && (!isRun || item.children) ? props.isOpen : undefined}
      data-run={isRun ? id : undefined}
      data-group={isRun ? undefined : id}
      style={{ top: (number + 1) * ROW_PX, width }}
      onClick={(event) => onClick(event, number)}
      onPointerEnter={() => pointer?.move({ runId: id ?? null })}
      onPointerOver={(event) => item && tell(event.target, item, props.now)}
    >
      {item?.kind === 'group' ? (
        <GroupCells {...props} group={item} />
      ) : (
        <RunCells {...props} row={item} />
      )}
    </div>
  )
})

/** The exact value, on hover: told then, as most are never asked for. */
function tell(target: EventTarget, item: Item, now: number): void {
  const cell = target instanceof HTMLElement ? target.closest<HTMLElement>('[data-field]') : null
  const field = cell?.dataset.field
  if (!cell || !field) return
  cell.title = (item.kind === 'run' ? item.cell(field, now) : groupCell(item, field)).exact
}

/** Lines that are still coming have the cells of others, empty: drawn once, filled often. */
function RunCells(props: TableRowProps & { row: Row | undefined }): ReactElement {
  const { row, number, columns, nameWidth, depth, now, onPick } = props
  return (
    <>
      <div className="cell pick" role="gridcell" tabIndex={-1}>
        <input
          type="checkbox"
          aria-label={row ? `Select ${row.name}` : 'Select'}
          disabled={!row}
          checked={props.isSelected}
          onClick={(event) => {
            event.stopPropagation()
            onPick(number, event.shiftKey ? 'range' : 'toggle')
          }}
          onChange={() => undefined}
        />
      </div>
      <div className="cell name" role="rowheader" tabIndex={-1} style={{ width: nameWidth }}>
        {depth > 0 && <i style={{ width: depth * INDENT_PX }} className="indent" />}
        {row && row.children > 0 && (
          <Fold {...props} label={`${row.name}, ${formatCount(row.children)} nested`} />
        )}
        {row && <Swatch runId={row.id} twin={props.twin} />}
        <a href={row ? `/runs/${row.id}` : undefined} className="clip" data-field="name">
          {row?.name}
        </a>
        {row && row.children > 0 && <small className="muted">{formatCount(row.children)}</small>}
        {row && <Status status={row.status} bare />}
      </div>
      {columns.map((column) => (
        <TableCell
          key={column.field}
          column={column}
          cell={row ? row.cell(column.field, now) : NOTHING}
        >
          {row && inner(row, column.field)}
        </TableCell>
      ))}
    </>
  )
}

/** What is more than its text. */
function inner(row: Row, field: string): ReactNode {
  if (field === 'status') return <Status status={row.status} />
  if (field !== 'duration' || row.status !== 'RUNNING') return null
  return <Duration ms={row.number('duration') ?? 0} at={row.heard} ticking />
}

function GroupCells(props: TableRowProps & { group: Group }): ReactElement {
  const { group, columns, nameWidth, by } = props
  const name = groupName(group.values)
  return (
    <>
      <div className="cell pick" role="gridcell" tabIndex={-1} />
      <div className="cell name" role="rowheader" tabIndex={-1} style={{ width: nameWidth }}>
        <Fold {...props} label={name} />
        <i className="swatch" style={{ background: groupColor(group.id) }} aria-hidden="true" />
        <strong className="clip" title={name}>
          {name}
        </strong>
        <span className="muted tabular runs-count">{formatCount(group.runs)}</span>
      </div>
      {columns.map((column) => {
        const at = by.indexOf(column.field)
        const text = group.values[at] ?? ''
        const cell =
          at < 0 ? groupCell(group, column.field) : { text, exact: text, isNumber: false }
        return <TableCell key={column.field} column={column} cell={cell} />
      })}
    </>
  )
}

function Fold(props: TableRowProps & { label: string }): ReactElement {
  return (
    <button
      type="button"
      className="fold"
      tabIndex={-1}
      aria-expanded={props.isOpen}
      aria-label={`Open ${props.label}`}
      onClick={() => props.onToggle(props.number)}
    >
      <Icon name="chevron" />
    </button>
  )
}

interface TableCellProps {
  column: Placed
  cell: Cell
  children?: ReactNode
}

function TableCell({ column, cell, children }: TableCellProps): ReactElement {
  const { left, width, isPinned } = column
  return (
    <div
      className={`cell value ${isPinned ? 'pinned' : 'at'}${cell.isNumber ? ' right tabular' : ''}`}
      role="gridcell"
      tabIndex={-1}
      style={{ left, width }}
      data-field={column.field}
    >
      {children ?? cell.text}
    </div>
  )
}

function never(): () => void {
  return () => undefined
}
