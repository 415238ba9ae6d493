// The heads of the columns: a click sorts, a drag moves, the edge resizes, a menu does the rest.
import { type PointerEvent, type ReactElement, useRef, useState } from 'react'
import { follow } from '#charts/drag.ts'
import { labelOf, parseSort, type Sort, STATISTICS, spellSort } from '#lib/fields.ts'
import { bounded, moveColumn, NAME, type Placed } from './columns.ts'
import { HeaderMenu } from './HeaderMenu.tsx'

/** What a person can do with columns. */
export interface ColumnActions {
  setColumns(columns: readonly string[]): void
  setPins(pins: readonly string[]): void
  setWidth(field: string, px: number): void
  setSorts(sorts: readonly string[]): void
  groupBy(field: string): void
  filterTo(condition: string): void
}

export interface TableHeadProps {
  columns: readonly string[]
  pins: readonly string[]
  sorts: readonly string[]
  by: readonly string[]
  actions: ColumnActions
}

interface Props extends TableHeadProps {
  shown: readonly Placed[]
  nameWidth: number
  width: number
  allSelected: boolean
  found: number | undefined
  onAll(): void
}

interface Aim {
  field: string
  target: string
  side: 'before' | 'after'
}

export function TableHead(props: Props): ReactElement {
  const { columns, pins, shown, nameWidth, width, actions, allSelected, found, onAll } = props
  const head = useRef<HTMLDivElement>(null)
  const [aim, setAim] = useState<Aim | null>(null)
  const wasDragged = useRef(false)
  const parsed = parseSorts(props.sorts)

  const onGrab = (event: PointerEvent<HTMLElement>, field: string) => {
    if (event.button !== 0) return
    wasDragged.current = false
    let now: Aim = { field, target: '', side: 'before' }
    follow(
      event.currentTarget,
      event,
      () => {
        wasDragged.current = true
        return {
          move: (x) => {
            const next = aimAt(head.current, field, x)
            if (next) now = next
            setAim(now)
          },
          end: (isDropped) => {
            setAim(null)
            if (!isDropped || !now.target) return
            actions.setColumns(moveColumn(columns, field, now.target, now.side))
            // Among pinned columns it is pinned, among others it is not.
            const isPinned = pins.includes(now.target)
            if (isPinned !== pins.includes(field)) {
              actions.setPins(isPinned ? [...pins, field] : pins.filter((each) => each !== field))
            }
          },
        }
      },
      false,
    )
  }
  return (
    <div
      ref={head}
      className={aim ? 'runs-head dragging' : 'runs-head'}
      role="row"
      tabIndex={-1}
      style={{ width }}
      onClickCapture={(event) => {
        // The end of a drag is no click.
        if (wasDragged.current) event.stopPropagation()
        wasDragged.current = false
      }}
    >
      <div className="cell pick" role="columnheader" tabIndex={-1}>
        <input
          type="checkbox"
          aria-label="Select all runs that match"
          title="Select all runs that match"
          disabled={!found}
          checked={allSelected}
          onChange={onAll}
        />
      </div>
      <div
        className="cell name"
        role="columnheader"
        tabIndex={-1}
        style={{ width: nameWidth }}
        aria-sort={ariaSort(props.sorts, NAME)}
      >
        <Sortable {...props} field={NAME} label="Name" />
        <Sortable {...props} field="status" label="Status" />
        <Edge field={NAME} width={nameWidth} onWidth={actions.setWidth} />
      </div>
      {shown.map((column) => {
        const { field, left } = column
        const { label, note } = labelOf(field)
        const mark = aim?.target === field ? ` ${aim.side}` : aim?.field === field ? ' dragged' : ''
        return (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the button within is for the keyboard
          <div
            key={field}
            className={`cell ${column.isPinned ? 'pinned' : 'at'}${mark}`}
            role="columnheader"
            tabIndex={-1}
            data-column={field}
            style={{ left, width: column.width }}
            title={note ? `${label} (${note})` : label}
            aria-sort={ariaSort(props.sorts, field)}
            onPointerDown={(event) => {
              if (!isIn(event.target, '.head-menu')) onGrab(event, field)
            }}
            // The pointer that may drag is the head's, and so is its click.
            onClick={(event) => {
              if (isIn(event.target, '.head-menu, .resize')) return
              actions.setSorts(nextSorts(parsed, field, event.shiftKey))
            }}
          >
            <HeaderMenu {...props} field={field} />
            <Sortable {...props} field={field} label={label} isBare />
            {isStatistic(note) && <small className="muted">{note}</small>}
            <Edge field={field} width={column.width} onWidth={actions.setWidth} />
          </div>
        )
      })}
    </div>
  )
}

/** Params and tags are told apart on hover; what a number is of a metric has to be seen. */
function isStatistic(note: string): boolean {
  return note !== 'last' && STATISTICS.some((each) => each === note)
}

function isIn(target: EventTarget, selector: string): boolean {
  return target instanceof Element && target.closest(selector) !== null
}

function parseSorts(sorts: readonly string[]): Sort[] {
  return sorts.map(parseSort).filter((sort) => sort !== null)
}

function aimAt(head: HTMLElement | null, field: string, x: number): Aim | null {
  for (const cell of head?.querySelectorAll<HTMLElement>('[data-column]') ?? []) {
    const { left, right } = cell.getBoundingClientRect()
    if (x < left || x > right) continue
    const target = cell.dataset.column ?? ''
    return { field, target, side: x < (left + right) / 2 ? 'before' : 'after' }
  }
  return null
}

interface SortableProps extends TableHeadProps {
  field: string
  label: string
  /** Its click is heard by what it stands in. */
  isBare?: boolean
}

function Sortable({ field, label, sorts, actions, isBare = false }: SortableProps): ReactElement {
  const parsed = parseSorts(sorts)
  const at = parsed.findIndex((sort) => sort.field === field)
  const now = parsed[at]
  const sign = now ? (now.isDown ? ' ↓' : ' ↑') : ''
  return (
    <button
      type="button"
      className="sortable"
      title={`Sort by ${label}; with Shift as well`}
      onClick={(event) => {
        if (!isBare) actions.setSorts(nextSorts(parsed, field, event.shiftKey))
      }}
    >
      {label}
      <span aria-hidden="true">
        {sign}
        {sign && parsed.length > 1 ? at + 1 : ''}
      </span>
    </button>
  )
}

/** From the greatest, from the least, not at all; alone, or behind the other sorts. */
export function nextSorts(sorts: readonly Sort[], field: string, isMore: boolean): string[] {
  const before = sorts.find((sort) => sort.field === field)
  const next = !before ? { field, isDown: true } : before.isDown ? { field, isDown: false } : null
  if (!isMore) return next ? [spellSort(next)] : []
  const kept = before
    ? sorts.flatMap((sort) => (sort.field !== field ? [sort] : next ? [next] : []))
    : [...sorts, { field, isDown: true }]
  return kept.map(spellSort)
}

function ariaSort(sorts: readonly string[], field: string): 'ascending' | 'descending' | 'none' {
  if (sorts.includes(field)) return 'ascending'
  return sorts.includes(`${field} DESC`) ? 'descending' : 'none'
}

interface EdgeProps {
  field: string
  width: number
  onWidth(field: string, px: number): void
}

function Edge({ field, width, onWidth }: EdgeProps): ReactElement {
  return (
    <i
      className="resize"
      aria-hidden="true"
      onPointerDown={(event) => {
        event.stopPropagation()
        const from = event.clientX
        follow(
          event.currentTarget,
          event,
          () => ({
            move: (x) => onWidth(field, bounded(width + x - from)),
            end: () => undefined,
          }),
          false,
        )
      }}
    />
  )
}
