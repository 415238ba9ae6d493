// A dot for each run: one field against another. A box drawn over some filters to them.
import { type PointerEvent, type ReactElement, useCallback, useMemo, useRef, useState } from 'react'
import { getInk, groupColor, groupInk } from '#charts/colors.ts'
import { withAir } from '#charts/ticks.ts'
import { labelOf } from '#lib/fields.ts'
import { formatCount, formatValue } from '#lib/format.ts'
import { fetchRuns, type Runs, useFetched } from './data.ts'
import { FieldPicker, Frame } from './Frame.tsx'
import { between, type PanelProps } from './panel.ts'
import { type Box, drawAxes, extent, scaleOf, useCanvas } from './plane.ts'

const [MARGIN_LEFT, MARGIN_BOTTOM, MARGIN] = [56, 26, 12]
const REACH_PX = 12
// Dots drawn between two looks at the clock.
const STEP = 500

interface Drawn {
  box: Box
  /** Where each dot is; NaN for runs that have none. */
  xs: Float64Array
  ys: Float64Array
  toX(pixel: number): number
  toY(pixel: number): number
}

export default function Scatter(props: PanelProps): ReactElement {
  const { scope, axes, numeric, fields, onAxes, onFilter, onOpen } = props
  const x = axes[0] ?? numeric[1] ?? numeric[0] ?? 'start_time'
  const y = axes[1] ?? numeric[0] ?? 'duration'
  const color = axes[2] ?? ''
  const { data, error } = useFetched(
    (signal) => fetchRuns(scope, color ? [x, y, color] : [x, y], signal),
    JSON.stringify([scope, x, y, color, props.version]),
  )
  const [log, setLog] = useState<[boolean, boolean]>([false, false])
  const [hover, setHover] = useState<number>(-1)
  const [drag, setDrag] = useState<Box | null>(null)
  const drawn = useRef<Drawn>(null)
  const draw = useCallback(
    (ctx: CanvasRenderingContext2D, width: number, height: number) => {
      if (!data) return undefined
      const asked = { x, y, color, log }
      return paint(ctx, width, height, data, asked, (made) => {
        drawn.current = made
      })
    },
    [data, x, y, color, log],
  )
  const canvas = useCanvas(draw)
  const count = useMemo(() => (data ? countDots(data, x, y) : 0), [data, x, y])
  const at = (event: PointerEvent<HTMLElement>): [number, number] => {
    const { left, top } = event.currentTarget.getBoundingClientRect()
    return [event.clientX - left, event.clientY - top]
  }
  const finish = () => {
    const { current } = drawn
    setDrag(null)
    if (!drag || !current) return
    const isBox = Math.abs(drag.right - drag.left) > 4 && Math.abs(drag.bottom - drag.top) > 4
    if (!isBox) {
      if (hover >= 0 && data) onOpen(data.ids[hover] ?? '')
      return
    }
    onFilter([
      between(x, current.toX(drag.left), current.toX(drag.right)),
      between(y, current.toY(drag.bottom), current.toY(drag.top)),
    ])
  }
  return (
    <Frame
      error={error}
      isLoading={!data}
      note={data && `${formatCount(count)} of ${formatCount(data.ids.length)} runs have both`}
      controls={
        <>
          <FieldPicker
            label="x"
            value={x}
            fields={fields}
            onField={(field) => onAxes([field, y, color])}
          />
          <FieldPicker
            label="y"
            value={y}
            fields={fields}
            onField={(field) => onAxes([x, field, color])}
          />
          <FieldPicker
            label="color"
            value={color}
            fields={['', ...fields]}
            onField={(field) => onAxes([x, y, field])}
          />
          <fieldset className="segments small">
            <legend className="visually-hidden">Scales</legend>
            <button type="button" aria-pressed={log[0]} onClick={() => setLog([!log[0], log[1]])}>
              log x
            </button>
            <button type="button" aria-pressed={log[1]} onClick={() => setLog([log[0], !log[1]])}>
              log y
            </button>
          </fieldset>
        </>
      }
    >
      <div
        className="surface"
        data-testid="scatter"
        onPointerDown={(event) => {
          if (event.button !== 0) return
          event.currentTarget.setPointerCapture(event.pointerId)
          const [left, top] = at(event)
          setDrag({ left, right: left, top, bottom: top })
        }}
        onPointerMove={(event) => {
          const [left, top] = at(event)
          if (drag) setDrag({ ...drag, right: left, bottom: top })
          else setHover(drawn.current ? nearest(drawn.current, left, top) : -1)
        }}
        onPointerUp={finish}
        onPointerCancel={() => setDrag(null)}
        onPointerLeave={() => setHover(-1)}
      >
        <canvas ref={canvas} aria-label={`${labelOf(y).label} against ${labelOf(x).label}`} />
        {drag && <i className="brush" style={boxStyle(drag)} />}
        {hover >= 0 && data && drawn.current && (
          <div
            className="tip panel-tip"
            role="tooltip"
            style={{ left: drawn.current.xs[hover], top: drawn.current.ys[hover] }}
          >
            <b>{data.names[hover]}</b>
            {[x, y, color].filter(Boolean).map((field) => (
              <div key={field}>
                <span className="muted">{labelOf(field).label}</span> {textAt(data, field, hover)}
              </div>
            ))}
          </div>
        )}
      </div>
      {data && <Legend data={data} field={color} />}
    </Frame>
  )
}

const NAMED = 18

function Legend({ data, field }: { data: Runs; field: string }): ReactElement | null {
  const column = data.columns.get(field)
  if (!column || column.isNumber || !column.texts) return null
  const words = [...new Set(column.texts)]
  return (
    <div className="legend">
      {words.slice(0, NAMED).map((word) => (
        <span key={word} className="clip">
          <i className="swatch" style={{ background: groupColor(wordId(word)) }} /> {word ?? 'none'}
        </span>
      ))}
      {words.length > NAMED && (
        <span className="muted">and {formatCount(words.length - NAMED)} more</span>
      )}
    </div>
  )
}

interface Asked {
  x: string
  y: string
  color: string
  log: [boolean, boolean]
}

function* paint(
  ctx: CanvasRenderingContext2D,
  width: number,
  height: number,
  data: Runs,
  { x, y, color, log }: Asked,
  onDrawn: (drawn: Drawn) => void,
): Generator<void> {
  const box = {
    left: MARGIN_LEFT,
    right: width - MARGIN,
    top: MARGIN,
    bottom: height - MARGIN_BOTTOM,
  }
  const none = new Float64Array(data.ids.length).fill(Number.NaN)
  const values = [x, y].map((field) => data.columns.get(field)?.numbers ?? none)
  const [vx = none, vy = none] = values
  const toX = scaleOf(withAir(...extent(vx, log[0]), log[0]), [box.left, box.right], log[0])
  const toY = scaleOf(withAir(...extent(vy, log[1]), log[1]), [box.bottom, box.top], log[1])
  drawAxes(ctx, box, toX, toY, log)
  const inks = colorsOf(data, color)
  const [xs, ys] = [new Float64Array(vx.length), new Float64Array(vx.length)]
  onDrawn({ box, xs, ys, toX: toX.toValue, toY: toY.toValue })
  // The more dots, the smaller and the fainter each.
  const size = vx.length > 5_000 ? 2 : vx.length > 500 ? 3 : 5
  ctx.globalAlpha = vx.length > 5_000 ? 0.35 : 0.8
  for (let at = 0; at < vx.length; at++) {
    const [left, top] = [toX.toPixel(vx[at] ?? Number.NaN), toY.toPixel(vy[at] ?? Number.NaN)]
    xs[at] = left
    ys[at] = top
    if (!Number.isFinite(left) || !Number.isFinite(top)) continue
    ctx.fillStyle = inks(at)
    ctx.fillRect(left - size / 2, top - size / 2, size, size)
    if (at % STEP === 0) yield
  }
  ctx.globalAlpha = 1
}

/** Without a field all dots have one colour; texts have the palette's, numbers a ramp. */
export function colorsOf(data: Runs, field: string): (at: number) => string {
  const column = data.columns.get(field)
  if (!column) return () => getInk().runs[0] ?? ''
  const { numbers, texts } = column
  if (column.isNumber && numbers) {
    const [low, high] = extent(numbers)
    return (at) => {
      const share = ((numbers[at] ?? low) - low) / (high - low || 1)
      return Number.isNaN(share) ? getInk().muted : `hsl(${240 - 200 * share} 70% 52%)`
    }
  }
  return (at) => groupInk(wordId(texts?.[at] ?? null))
}

/** As a group of these runs would be called. */
export function wordId(word: string | null): string {
  return JSON.stringify([word])
}

function nearest({ xs, ys }: Drawn, left: number, top: number): number {
  let [best, reach] = [-1, REACH_PX ** 2]
  for (let at = 0; at < xs.length; at++) {
    const away = ((xs[at] ?? 0) - left) ** 2 + ((ys[at] ?? 0) - top) ** 2
    if (away < reach) [best, reach] = [at, away]
  }
  return best
}

function countDots(data: Runs, x: string, y: string): number {
  const [xs, ys] = [data.columns.get(x)?.numbers, data.columns.get(y)?.numbers]
  if (!xs || !ys) return 0
  return xs.reduce(
    (sum, value, at) => (Number.isNaN(value + (ys[at] ?? Number.NaN)) ? sum : sum + 1),
    0,
  )
}

function textAt(data: Runs, field: string, at: number): string {
  const column = data.columns.get(field)
  const value = column?.numbers?.[at]
  if (value !== undefined && !Number.isNaN(value)) return formatValue(value)
  return column?.texts?.[at] ?? 'none'
}

function boxStyle({ left, right, top, bottom }: Box) {
  return {
    left: Math.min(left, right),
    top: Math.min(top, bottom),
    width: Math.abs(right - left),
    height: Math.abs(bottom - top),
  }
}
