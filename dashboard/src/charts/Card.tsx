// One metric of all charted runs: its curves, or its numbers where there is one point each.
import {
  type MouseEvent,
  type ReactElement,
  type ReactNode,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { documentText } from '#api/client.ts'
import { MetricCurvesDocument } from '#api/generated.ts'
import type { Size } from '#lib/arrangement.ts'
import { formatClock, formatCount, formatInstant, formatSpan, formatValue } from '#lib/format.ts'
import { curvesPython } from '#lib/python.ts'
import { subscribeTheme } from '#lib/theme.ts'
import type { ChartView } from '#lib/view.ts'
import { curveVariables } from '#live/server.ts'
import { CopyAs } from '#ui/CopyAs.tsx'
import { Icon } from '#ui/icons.tsx'
import { Status, type StatusName } from '#ui/Status.tsx'
import type { Board } from './board.ts'
import { runColor } from './colors.ts'
import { type Line, Plot } from './plot.ts'
import { Swatch } from './Swatch.tsx'

interface CardProps {
  board: Board
  metric: string
  title: string
  view: ChartView
  onView(change: Partial<ChartView>): void
  /** Alone on the page. */
  full?: boolean
  /** Its place among others. */
  frame?: Frame
}

export interface Frame {
  size: Size
  isPinned: boolean
  /** Being dragged, or where what is dragged would go. */
  mark: '' | 'dragged' | 'before' | 'after' | 'above' | 'below'
  grip: ReactNode
  corner: ReactNode
  onPin(event: MouseEvent): void
}

type Content = 'loading' | 'none' | 'numbers' | 'curves'

export function Card(props: CardProps): ReactElement {
  const { board, metric, title, view, onView, full, frame } = props
  const card = useRef<HTMLElement>(null)
  const note = useRef<HTMLSpanElement>(null)
  const isSeen = useSeen(card)
  const [content, setContent] = useState<Content>('loading')
  const [numbers, setNumbers] = useState<NumberRow[]>([])
  const columns = frame?.size.columns

  // biome-ignore lint/correctness/useExhaustiveDependencies: a wider card asks for more points
  useEffect(() => {
    if (!isSeen || !card.current) return
    return board.show(metric, card.current.clientWidth)
  }, [board, metric, isSeen, columns])

  const gather = useCallback(() => {
    const lines = linesOf(board, metric)
    const isKnown = board.runs.some((run) => board.get(run.id, metric) !== undefined)
    const isSingle = lines.length > 0 && lines.every((line) => line.series.total <= 1)
    const next = lines.length ? (isSingle ? 'numbers' : 'curves') : isKnown ? 'none' : 'loading'
    setContent(next)
    if (next === 'numbers') {
      const rows = toNumbers(board, lines)
      setNumbers((before) => (sameNumbers(before, rows) ? before : rows))
    }
    const text = next === 'curves' ? countText(lines) : ''
    if (note.current && note.current.textContent !== text) note.current.textContent = text
    return lines
  }, [board, metric])

  useEffect(() => {
    if (!isSeen) return
    gather()
    return board.onPaint(metric, gather)
  }, [board, metric, isSeen, gather])

  const graphql = () => {
    const asked = board.request()
    const ids = board.runs.map((run) => run.id)
    return asked ? documentText(MetricCurvesDocument, curveVariables(ids, [metric], asked)) : ''
  }
  const python = () =>
    curvesPython(
      location.origin,
      board.runs.filter((run) => board.get(run.id, metric)),
      metric,
    )

  return (
    <article
      ref={card}
      className={`card ${full ? 'full' : (frame?.mark ?? '')}`}
      aria-label={metric}
      data-card={metric}
      style={
        frame && {
          gridColumn: `span ${frame.size.columns}`,
          gridRow: `span ${frame.size.rows}`,
        }
      }
    >
      <header>
        {frame?.grip}
        <h3 title={metric}>{title || metric}</h3>
        <span ref={note} className="muted tabular note" />
        <span className="card-tools">
          {frame && (
            <button
              type="button"
              className="quiet bare pin"
              title={frame.isPinned ? 'Unpin' : 'Pin on top'}
              aria-label={`Pin ${metric} on top`}
              aria-pressed={frame.isPinned}
              onClick={frame.onPin}
            >
              <Icon name="pin" />
            </button>
          )}
          <CopyAs what={metric} python={python} graphql={graphql} />
          <button
            type="button"
            className="quiet bare expand"
            title={full ? 'Back to all charts (Escape)' : 'Show alone'}
            aria-label={full ? 'Back to all charts' : `Show ${metric} alone`}
            onClick={() => onView({ full: full ? '' : metric })}
          >
            <Icon name={full ? 'close' : 'expand'} />
          </button>
        </span>
      </header>
      <div className="card-body">
        {isSeen && content === 'curves' && (
          <Curves board={board} metric={metric} view={view} onView={onView} />
        )}
        {content === 'numbers' && <Numbers rows={numbers} board={board} />}
        {content === 'none' && <p className="muted hint">Not logged by these runs</p>}
        {content === 'loading' && isSeen && <div className="skeleton block" />}
      </div>
      {frame?.corner}
    </article>
  )
}

interface Tip {
  left: number
  top: number
  head: string
  rows: {
    runId: string
    name: string
    status: StatusName
    twin: number
    value: number
    lit: boolean
  }[]
  more: number
}

const TIP_ROWS = 10

function Curves({
  board,
  metric,
  view,
  onView,
}: Pick<CardProps, 'board' | 'metric' | 'view' | 'onView'>): ReactElement {
  const host = useRef<HTMLDivElement>(null)
  const [tip, setTip] = useState<Tip | null>(null)
  const latest = useRef({ view, onView })
  latest.current = { view, onView }
  const plot = useRef<Plot>(null)

  useLayoutEffect(() => {
    const element = host.current
    if (!element) return
    const { pointer } = board
    let zoomedFrom: ChartView['zoom'] = null
    const made = new Plot(element, {
      zoom: (range) => {
        if (range || latest.current.view.zoom || zoomedFrom) {
          zoomedFrom = range
          latest.current.onView({ zoom: range && tidy(range, latest.current.view) })
        }
      },
      point: (x, runId, left, top) => {
        if (x === null) {
          if (pointer.at.key === metric) pointer.leave()
          setTip(null)
          return
        }
        pointer.move({ x, key: metric, runId })
        setTip(tipAt(board, metric, x, runId, left, top, latest.current.view))
      },
    })
    plot.current = made
    const draw = () => made.draw(linesOf(board, metric), latest.current.view)
    const size = new ResizeObserver(([entry]) => {
      if (!entry) return
      made.resize(Math.floor(entry.contentRect.width), Math.floor(entry.contentRect.height))
      draw()
    })
    size.observe(element)
    let lit: string | null = null
    const follow = () => {
      made.setCrosshair(pointer.at.x)
      if (lit !== pointer.at.runId) {
        lit = pointer.at.runId
        made.light(lit)
      }
    }
    const stops = [
      board.onPaint(metric, draw),
      pointer.subscribe(follow),
      subscribeTheme(() => requestAnimationFrame(() => made.repaint())),
    ]
    return () => {
      size.disconnect()
      for (const stop of stops) stop()
      made.destroy()
      plot.current = null
    }
  }, [board, metric])

  useEffect(() => plot.current?.draw(linesOf(board, metric), view), [board, metric, view])

  const onLeave = () => {
    board.pointer.leave()
    setTip(null)
  }
  return (
    <div className="plot" onPointerLeave={onLeave}>
      <div ref={host} className="plot-host" />
      {tip && tip.rows.length > 0 && <Tooltip tip={tip} host={host.current} />}
    </div>
  )
}

function Tooltip({ tip, host }: { tip: Tip; host: HTMLElement | null }): ReactElement {
  const flip = host !== null && tip.left > host.clientWidth / 2
  const style = flip
    ? { right: (host?.clientWidth ?? 0) - tip.left + 14, top: tip.top + 12 }
    : { left: tip.left + 14, top: tip.top + 12 }
  return (
    <div className="tip" style={style} role="tooltip">
      <div className="muted tabular">{tip.head}</div>
      {tip.rows.map((row) => (
        <div key={row.runId} className={row.lit ? 'tip-row lit' : 'tip-row'}>
          <Swatch runId={row.runId} twin={row.twin} />
          <span className="tip-name">{row.name}</span>
          <Status status={row.status} bare />
          <b className="tabular">{formatValue(row.value)}</b>
        </div>
      ))}
      {tip.more > 0 && <div className="muted">{tip.more} more</div>}
    </div>
  )
}

interface NumberRow {
  runId: string
  name: string
  value: number
}

function Numbers({ rows, board }: { rows: NumberRow[]; board: Board }): ReactElement {
  const [first] = rows
  if (rows.length === 1 && first) {
    return (
      <p className="number tabular" title={String(first.value)}>
        {formatValue(first.value)}
      </p>
    )
  }
  const widest = Math.max(...rows.map((row) => Math.abs(row.value)).filter(Number.isFinite), 0)
  return (
    <ul className="bars" onPointerLeave={() => board.pointer.leave()}>
      {rows.map((row) => (
        <li
          key={row.runId}
          title={`${row.name}: ${row.value}`}
          onPointerEnter={() => board.pointer.move({ runId: row.runId })}
        >
          <span className="bar-name">{row.name}</span>
          <span className="bar">
            <i
              style={{
                width: `${widest ? (100 * Math.abs(row.value || 0)) / widest : 0}%`,
                background: runColor(row.runId),
              }}
            />
          </span>
          <b className="tabular">{formatValue(row.value)}</b>
        </li>
      ))}
    </ul>
  )
}

function linesOf(board: Board, metric: string): Line[] {
  return board.runs.flatMap(({ id, status }) => {
    const series = board.get(id, metric)
    return series ? [{ runId: id, status, series, twin: board.twin(id) }] : []
  })
}

function toNumbers(board: Board, lines: readonly Line[]): NumberRow[] {
  const names = new Map(board.runs.map((run) => [run.id, run.name]))
  return lines
    .map(({ runId, series }) => ({
      runId,
      name: names.get(runId) ?? runId,
      value: series.values[0] ?? Number.NaN,
    }))
    .sort(byValue)
}

function sameNumbers(before: readonly NumberRow[], after: readonly NumberRow[]): boolean {
  return (
    before.length === after.length &&
    before.every(({ runId, name, value }, index) => {
      const other = after[index]
      return runId === other?.runId && name === other.name && Object.is(value, other.value)
    })
  )
}

/** The greatest first; what is not a number comes last. */
function byValue(a: { value: number }, b: { value: number }): number {
  return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value)) || b.value - a.value
}

function countText(lines: readonly Line[]): string {
  let [drawn, all] = [0, 0]
  for (const { series } of lines) {
    drawn += series.length
    all += series.totalInRange
  }
  return drawn < all ? `${formatCount(drawn)} of ${formatCount(all)} points` : ''
}

function tipAt(
  board: Board,
  metric: string,
  x: number,
  nearest: string | null,
  left: number,
  top: number,
  view: ChartView,
): Tip {
  const names = new Map(board.runs.map((run) => [run.id, run.name]))
  const lines = linesOf(board, metric)
  const span = Math.max(...lines.map(({ series }) => (series.xs.at(-1) ?? 0) - (series.xs[0] ?? 0)))
  let closest = { away: Number.POSITIVE_INFINITY, x }
  const rows: Tip['rows'] = []
  for (const { runId, status, twin, series } of lines) {
    const index = series.nearest(x)
    const at = series.xs[index]
    if (at === undefined || Math.abs(at - x) > Math.max(span * 0.04, 1)) continue
    if (Math.abs(at - x) < closest.away) closest = { away: Math.abs(at - x), x: at }
    const value = series.shown[index] ?? Number.NaN
    const name = names.get(runId) ?? runId
    rows.push({ runId, name, status, twin, value, lit: runId === nearest })
  }
  rows.sort(byValue)
  const shown = rows.slice(0, TIP_ROWS)
  const lit = rows.find((row) => row.lit)
  if (lit && !shown.includes(lit)) shown[TIP_ROWS - 1] = lit
  return {
    left,
    top,
    head: headText(closest.x, view),
    rows: shown,
    more: rows.length - shown.length,
  }
}

function headText(x: number, view: ChartView): string {
  if (view.x === 'step') return `step ${formatCount(x)}`
  if (view.x === 'relative') return `after ${formatSpan(x, x < 10 ? 0.1 : 1)}`
  return Date.now() - x < 43_200_000 ? formatClock(x) : formatInstant(x)
}

/** A zoom as it stands in the address: no more digits than the axis can show. */
function tidy([start, end]: [number, number], view: ChartView): [number, number] {
  const digits = Math.max(0, Math.ceil(-Math.log10((end - start) / 1000)))
  const scale = 10 ** Math.min(view.x === 'time' ? 0 : 6, digits)
  return [Math.floor(start * scale) / scale, Math.ceil(end * scale) / scale]
}

/** Whether the card is in or near the window; passing by at speed does not count. */
function useSeen(card: React.RefObject<HTMLElement | null>): boolean {
  const [isSeen, setSeen] = useState(false)
  useEffect(() => {
    const element = card.current
    if (!element) return
    let timer: ReturnType<typeof setTimeout> | undefined
    let isFirst = true
    const observer = new IntersectionObserver(
      (entries) => {
        const isNear = entries.at(-1)?.isIntersecting ?? false
        clearTimeout(timer)
        // A card that is new where one looks is not passing by.
        if (isFirst && isNear) setSeen(true)
        else timer = setTimeout(() => setSeen(isNear), isNear ? 40 : 400)
        isFirst = false
      },
      { rootMargin: '240px' },
    )
    observer.observe(element)
    return () => {
      clearTimeout(timer)
      observer.disconnect()
    }
  }, [card])
  return isSeen
}
