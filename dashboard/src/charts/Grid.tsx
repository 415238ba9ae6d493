// Cards side by side, which a person can drag to another place, pin and resize.
import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactElement,
  type RefObject,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { DEFAULT_SIZE, type Move, move, PINNED, pin, resize, type Size } from '#lib/arrangement.ts'
import type { Section } from '#lib/sections.ts'
import type { ChartView } from '#lib/view.ts'
import { Icon } from '#ui/icons.tsx'
import type { Board } from './board.ts'
import { Card, type Frame } from './Card.tsx'
import { follow } from './drag.ts'
import type { Layout } from './layout.ts'

// As theme.css has them for .grid: least width of a column, height of a row, gap.
const [COLUMN_PX, ROW_PX, GAP_PX] = [300, 51, 8]

interface GridProps {
  /** All of the section, as arranged. */
  section: Section
  /** What is shown of it. */
  keys: readonly string[]
  board: Board
  view: ChartView
  onView(change: Partial<ChartView>): void
  layout: Layout
}

export function Grid({ section, keys, board, view, onView, layout }: GridProps): ReactElement {
  const grid = useRef<HTMLDivElement>(null)
  const columns = useColumns(grid)
  const [drag, setDrag] = useState<Move | null>(null)
  const [said, say] = useState('')
  const isPinned = section.name === PINNED
  const { arrangement, change } = layout
  const sizeOf = (key: string): Size => {
    const size = arrangement.sizes.get(key) ?? DEFAULT_SIZE
    return { columns: Math.min(size.columns, columns), rows: size.rows }
  }

  const onGrab = (event: PointerEvent<HTMLElement>, key: string) => {
    if (event.button !== 0) return
    let now: Move = { key, target: '', side: 'before' }
    follow(event.currentTarget, event, () => ({
      move: (x, y) => {
        const next = grid.current && moveAt(grid.current, key, x, y)
        if (!next || (next.target === now.target && next.side === now.side)) {
          setDrag(now)
          return
        }
        now = next
        setDrag(next)
      },
      end: (isDropped) => {
        setDrag(null)
        if (isDropped && now.target) change((before) => move(before, section, now))
      },
    }))
  }
  const onStep = (event: KeyboardEvent, key: string) => {
    const at = keys.indexOf(key)
    const to = { ArrowLeft: at - 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowDown: at + 1 }
    const ends = { Home: 0, End: keys.length - 1 }
    const place = { ...to, ...ends }[event.key]
    if (place === undefined) return
    event.preventDefault()
    const target = keys[place]
    if (target === undefined || place === at) return
    change((before) =>
      move(before, section, { key, target, side: place < at ? 'before' : 'after' }),
    )
    say(`${key} is now ${place + 1} of ${keys.length}`)
  }
  const onPull = (event: PointerEvent<HTMLElement>, key: string) => {
    if (event.button !== 0) return
    event.preventDefault()
    const size = sizeOf(key)
    const width = ((grid.current?.clientWidth ?? 0) - GAP_PX) / columns
    const [left, top] = [event.clientX, event.clientY]
    let before = size
    follow(event.currentTarget, event, () => ({
      move: (x, y) => {
        const next = {
          columns: Math.min(columns, Math.max(1, size.columns + Math.round((x - left) / width))),
          rows: size.rows + Math.round((y - top) / (ROW_PX + GAP_PX)),
        }
        if (next.columns === before.columns && next.rows === before.rows) return
        before = next
        change((arranged) => resize(arranged, key, next))
      },
      end: (isDropped) => {
        if (!isDropped) change((arranged) => resize(arranged, key, size))
      },
    }))
  }
  const onNudge = (event: KeyboardEvent, key: string) => {
    const size = sizeOf(key)
    const next = {
      ArrowLeft: { ...size, columns: size.columns - 1 },
      ArrowRight: { ...size, columns: Math.min(columns, size.columns + 1) },
      ArrowUp: { ...size, rows: size.rows - 1 },
      ArrowDown: { ...size, rows: size.rows + 1 },
    }[event.key]
    if (!next) return
    event.preventDefault()
    change((before) => resize(before, key, next))
    say(`${key} is ${next.columns} of ${columns} columns wide and ${next.rows} rows high`)
  }
  const onPin = (key: string, byKeyboard: boolean) => {
    change((before) => pin(before, key))
    // The card stands in another grid now.
    if (byKeyboard) requestAnimationFrame(() => focusIn(key, '.pin'))
  }

  const frameOf = (key: string): Frame => {
    const size = sizeOf(key)
    const isOver = drag?.target === key
    const along = size.columns >= columns ? ({ before: 'above', after: 'below' } as const) : null
    return {
      size,
      isPinned,
      mark: drag?.key === key ? 'dragged' : isOver ? (along?.[drag.side] ?? drag.side) : '',
      onPin: (event) => onPin(key, event.detail === 0),
      grip: (
        <button
          type="button"
          className="grip"
          title="Drag to another place, or move by arrow keys"
          aria-label={`Move ${key}`}
          onPointerDown={(event) => onGrab(event, key)}
          onKeyDown={(event) => onStep(event, key)}
        >
          <Icon name="grip" />
        </button>
      ),
      corner: (
        <button
          type="button"
          className="corner"
          title="Drag to resize, or by arrow keys; a double click resets"
          aria-label={`Resize ${key}`}
          onPointerDown={(event) => onPull(event, key)}
          onKeyDown={(event) => onNudge(event, key)}
          onDoubleClick={() => change((before) => resize(before, key, DEFAULT_SIZE))}
        >
          <Icon name="corner" />
        </button>
      ),
    }
  }
  const prefix = section.name && !isPinned ? section.name.length + 1 : 0
  return (
    <>
      <div ref={grid} className={drag ? 'grid dragging' : 'grid'}>
        {keys.map((key) => (
          <Card
            key={key}
            board={board}
            metric={key}
            title={key.slice(prefix)}
            view={view}
            onView={onView}
            frame={frameOf(key)}
          />
        ))}
      </div>
      <span className="visually-hidden" aria-live="polite">
        {said}
      </span>
    </>
  )
}

/** Brings a card into sight, and the focus to a part of it. */
export function focusIn(key: string, part: string): void {
  const card = document.querySelector(`[data-card="${CSS.escape(key)}"]`)
  card?.scrollIntoView({ block: 'nearest' })
  card?.querySelector<HTMLElement>(part)?.focus({ preventScroll: true })
}

/** Where a card dropped at this point would go; null where that is nowhere new. */
function moveAt(grid: HTMLElement, key: string, x: number, y: number): Move | null {
  const card = document.elementFromPoint(x, y)?.closest<HTMLElement>('[data-card]')
  const target = card?.dataset.card
  if (!card || !target || target === key || !grid.contains(card)) return null
  const { left, top, width, height } = card.getBoundingClientRect()
  const isWhole = width > grid.clientWidth - 4 * GAP_PX
  const isAfter = isWhole ? y > top + height / 2 : x > left + width / 2
  return { key, target, side: isAfter ? 'after' : 'before' }
}

/** How many columns the grid has; a wider card takes all of them. */
function useColumns(grid: RefObject<HTMLElement | null>): number {
  const [columns, setColumns] = useState(1)
  useLayoutEffect(() => {
    const element = grid.current
    if (!element) return
    const fit = (width: number) =>
      setColumns(Math.max(1, Math.floor((width + GAP_PX) / (COLUMN_PX + GAP_PX))))
    const { paddingLeft, paddingRight } = getComputedStyle(element)
    fit(element.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight))
    const observer = new ResizeObserver(([entry]) => entry && fit(entry.contentRect.width))
    observer.observe(element)
    return () => observer.disconnect()
  }, [grid])
  return columns
}
