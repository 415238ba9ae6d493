// The table of runs: lines and columns drawn only where they are in sight, however many there are.
import {
  type MouseEvent,
  type ReactElement,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import type { Pointer } from '#charts/pointer.ts'
import { useShortcuts } from '#ui/shortcuts.ts'
import { inSight, place, ROW_PX } from './columns.ts'
import { type RowKeys, useRowShortcuts } from './rowKeys.ts'
import type { Selection } from './selection.ts'
import { TableHead, type TableHeadProps } from './TableHead.tsx'
import { TableRow } from './TableRow.tsx'
import type { RunTable, TableState } from './table.ts'
import { scrollToLine, useAnchor, useVisible, useWindow } from './window.ts'

interface RunsTableProps extends TableHeadProps {
  table: RunTable
  state: TableState
  /** A new one begins at its top. */
  questionKey: string
  widths: Readonly<Record<string, number>>
  selection: Selection
  pointer: Pointer | null
  /** Which of the charted runs of its colour each is. */
  twins: ReadonlyMap<string, number>
  isBusy: boolean
  onVisible(ids: string[]): void
  onOpen(id: string): void
  onRename(id: string): void
  onTag(ids: readonly string[]): void
}

interface Cursor {
  number: number
  id: string
}

const AGO_MS = 30_000

export function RunsTable(props: RunsTableProps): ReactElement {
  const { table, state, questionKey, columns, pins, widths, selection, pointer } = props
  const scroller = useRef<HTMLDivElement>(null)
  const sight = useWindow(scroller, state.length)
  const { first, last, left, width } = sight
  const [cursor, setCursor] = useState<Cursor>({ number: -1, id: '' })
  const anchor = useRef(-1)

  const isGrouped = props.by.length > 0
  const placed = useMemo(
    () => place(columns, pins, widths, isGrouped),
    [columns, pins, widths, isGrouped],
  )
  // A step of columns is drawn at once, so that scrolling sideways seldom draws rows anew.
  const from = Math.floor(left / 200) * 200
  const shown = useMemo(
    () => [...placed.pinned, ...inSight(placed.rest, from, from + width + 200)],
    [placed, from, width],
  )

  useEffect(() => table.look(first, last), [table, first, last])
  useVisible(table, state, sight.seen, props.onVisible)
  useAnchor(table, state, scroller, questionKey)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another question has other lines
  useEffect(() => {
    setCursor({ number: -1, id: '' })
    anchor.current = -1
  }, [questionKey])

  // The cursor stays on its run where that has moved.
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines move within the same table
  const at = useMemo(() => {
    const number = cursor.id ? table.numberOf(cursor.id) : -1
    return number >= 0 ? number : cursor.number
  }, [table, cursor, state.version])

  const goTo = (number: number) => {
    const next = Math.max(0, Math.min(state.length - 1, number))
    const { item } = table.line(next)
    setCursor({ number: next, id: item?.id ?? '' })
    scrollToLine(scroller.current, next)
    pointer?.move({ runId: item?.kind === 'run' ? item.id : null })
  }
  const pick = async (number: number, kind: 'only' | 'toggle' | 'range') => {
    const { item } = table.line(number)
    setCursor({ number, id: item?.id ?? '' })
    if (kind === 'range' && anchor.current >= 0) {
      const ends = [anchor.current, number].sort((a, b) => a - b)
      const ids = await table.idsBetween(ends[0] ?? 0, ends[1] ?? 0)
      selection.add(ids)
      return
    }
    anchor.current = number
    if (item?.kind !== 'run') {
      if (item) table.toggle(number)
      return
    }
    const isSelected = selection.has(item.id)
    if (isSelected && (kind === 'toggle' || selection.ids.length === 1)) selection.drop(item.id)
    else if (kind === 'toggle') selection.add([item.id])
    else selection.set([item.id])
  }
  const { onOpen, onRename, onTag } = props
  const now: RowKeys = { table, selection, at, goTo, pick, onOpen, onRename, onTag }
  const latest = useRef(now)
  latest.current = now
  useShortcuts('Runs', useRowShortcuts(latest))

  const onClick = useCallback((event: MouseEvent, number: number) => {
    const link = event.target instanceof Element ? event.target.closest('a, button') : null
    if (link) {
      // A plain click opens the run here; with a key it is the browser's.
      const { item } = latest.current.table.line(number)
      if (link.tagName !== 'A' || event.metaKey || event.ctrlKey || event.shiftKey || !item) return
      event.preventDefault()
      latest.current.onOpen(item.id)
      return
    }
    if (event.shiftKey) globalThis.getSelection()?.removeAllRanges()
    const kind = event.shiftKey ? 'range' : event.metaKey || event.ctrlKey ? 'toggle' : 'only'
    void latest.current.pick(number, kind)
  }, [])
  const onPick = useCallback(
    (number: number, kind: 'toggle' | 'range') => void latest.current.pick(number, kind),
    [],
  )
  const onToggle = useCallback((number: number) => table.toggle(number), [table])

  const time = Math.floor(Date.now() / AGO_MS) * AGO_MS
  const lines = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
  const allSelected =
    state.found !== undefined && state.found > 0 && selection.ids.length >= state.found
  return (
    <div
      ref={scroller}
      className={props.isBusy ? 'runs busy' : 'runs'}
      role="grid"
      aria-label="Runs"
      aria-busy={props.isBusy}
      aria-rowcount={state.length + 1}
      aria-colcount={columns.length + 2}
      aria-multiselectable
      tabIndex={0}
      onPointerLeave={() => pointer?.leave()}
    >
      <div
        className="runs-body"
        style={{ height: (state.length + 1) * ROW_PX, width: placed.width }}
      >
        <TableHead
          {...props}
          shown={shown}
          nameWidth={placed.name}
          width={placed.width}
          found={state.found}
          allSelected={allSelected}
          onAll={async () => selection.set(allSelected ? [] : await table.allIds())}
        />
        {lines.map((number) => {
          const { item, depth, isOpen } = table.line(number)
          return (
            <TableRow
              // Rows are used again for others as one scrolls.
              key={number % sight.slots}
              item={item}
              number={number}
              depth={depth}
              isOpen={isOpen}
              columns={shown}
              nameWidth={placed.name}
              by={props.by}
              width={placed.width}
              isSelected={item?.kind === 'run' && selection.has(item.id)}
              isAt={number === at}
              now={time}
              pointer={pointer}
              twin={item ? (props.twins.get(item.id) ?? 0) : 0}
              onClick={onClick}
              onPick={onPick}
              onToggle={onToggle}
            />
          )
        })}
      </div>
    </div>
  )
}
