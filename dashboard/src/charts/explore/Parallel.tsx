// A line for each run over several fields. A stretch marked on an axis filters to it.
import { type PointerEvent, type ReactElement, useCallback, useMemo, useRef, useState } from 'react'
import { getInk } from '#charts/colors.ts'
import { formatTick } from '#charts/ticks.ts'
import { quote } from '#lib/filters.ts'
import { formatCount } from '#lib/format.ts'
import { type Column, fetchRuns, type Runs, useFetched } from './data.ts'
import { FieldPicker, Frame, nameOf } from './Frame.tsx'
import { between, type PanelProps } from './panel.ts'
import { extent, ticksOf, useCanvas } from './plane.ts'
import { colorsOf } from './Scatter.tsx'

export interface Axis {
  field: string
  /** The height of each run between 0 and 1; NaN where it has none. */
  heights: Float64Array
  /** Of an axis of numbers. */
  range: [number, number] | null
  /** Of one of texts, from the bottom up. */
  words: readonly string[]
}

// Words beyond this many can't be told apart on an axis.
const WORDS = 40
// Lines drawn between two looks at the clock.
const STEP = 100
const [TOP, BOTTOM, SIDE] = [34, 14, 60]
const REACH_PX = 30

export default function Parallel(props: PanelProps): ReactElement {
  const { scope, axes: chosen, numeric, fields, onAxes, onFilter } = props
  const asked = useMemo(
    () => (chosen.length ? chosen : usual(fields, numeric)),
    [chosen, fields, numeric],
  )
  const { data, error } = useFetched(
    (signal) => fetchRuns(scope, asked, signal),
    JSON.stringify([scope, asked, props.version]),
  )
  const axes = useMemo(
    () =>
      data
        ? asked.flatMap((field) => {
            const column = data.columns.get(field)
            return column ? [toAxis(column)] : []
          })
        : [],
    [data, asked],
  )
  const width = useRef(0)
  const draw = useCallback(
    (ctx: CanvasRenderingContext2D, w: number, h: number) => {
      width.current = w
      return data ? paint(ctx, w, h, data, axes) : undefined
    },
    [data, axes],
  )
  const canvas = useCanvas(draw)
  const [brush, setBrush] = useState<{ axis: number; from: number; to: number } | null>(null)
  const place = (event: PointerEvent<HTMLElement>): [number, number] => {
    const { left, top, height } = event.currentTarget.getBoundingClientRect()
    const share = 1 - (event.clientY - top - TOP) / (height - TOP - BOTTOM)
    return [event.clientX - left, Math.max(0, Math.min(1, share))]
  }
  const finish = () => {
    setBrush(null)
    const axis = brush && axes[brush.axis]
    if (axis && Math.abs(brush.to - brush.from) > 0.01) {
      onFilter([toCondition(axis, Math.min(brush.from, brush.to), Math.max(brush.from, brush.to))])
    }
  }
  return (
    <Frame
      error={error}
      isLoading={!data}
      note={data && `${formatCount(data.ids.length)} runs; drag along an axis to filter`}
      controls={
        <>
          {asked.map((field) => (
            <button
              key={field}
              type="button"
              className="chip"
              title={`Take ${nameOf(field)} out`}
              onClick={() => onAxes(asked.filter((each) => each !== field))}
            >
              {nameOf(field)} ×
            </button>
          ))}
          <FieldPicker
            label="add"
            value=""
            fields={['', ...fields.filter((field) => !asked.includes(field))]}
            onField={(field) => field && onAxes([...asked, field])}
          />
        </>
      }
    >
      <div
        className="surface"
        data-testid="parallel"
        onPointerDown={(event) => {
          const [x, share] = place(event)
          const axis = axisAt(x, axes.length, width.current)
          if (event.button !== 0 || axis < 0) return
          event.currentTarget.setPointerCapture(event.pointerId)
          setBrush({ axis, from: share, to: share })
        }}
        onPointerMove={(event) => brush && setBrush({ ...brush, to: place(event)[1] })}
        onPointerUp={finish}
        onPointerCancel={() => setBrush(null)}
      >
        <canvas ref={canvas} aria-label={`Runs over ${asked.map(nameOf).join(', ')}`} />
        {brush && (
          <i
            className="brush"
            style={{
              left: axisX(brush.axis, axes.length, width.current) - 8,
              width: 16,
              top: `calc(${TOP}px + (100% - ${TOP + BOTTOM}px) * ${1 - Math.max(brush.from, brush.to)})`,
              height: `calc((100% - ${TOP + BOTTOM}px) * ${Math.abs(brush.to - brush.from)})`,
            }}
          />
        )}
      </div>
    </Frame>
  )
}

/** Some params and, at the end, what they led to. */
function usual(fields: readonly string[], numeric: readonly string[]): string[] {
  const params = fields.filter((field) => field.startsWith('params.'))
  const metrics = numeric.filter((field) => field.startsWith('metrics.'))
  return [...params.slice(0, 4), ...metrics.slice(0, 2).reverse()]
}

export function toAxis({ field, numbers, texts, isNumber }: Column): Axis {
  if (isNumber && numbers) {
    const range = extent(numbers)
    const [low, high] = range
    const heights = numbers.map((value) =>
      high > low ? (value - low) / (high - low) : value * 0 + 0.5,
    )
    return { field, heights, range: low <= high ? range : [0, 1], words: [] }
  }
  const words = [...new Set(texts?.filter((text) => text !== null))].sort().slice(0, WORDS)
  const places = new Map(words.map((word, at) => [word, (at + 0.5) / words.length]))
  const heights = Float64Array.from(texts ?? [], (text) => places.get(text ?? '') ?? Number.NaN)
  return { field, heights, range: null, words }
}

export function toCondition({ field, range, words }: Axis, from: number, to: number): string {
  if (range) {
    const [low, high] = range
    return between(field, low + from * (high - low), low + to * (high - low))
  }
  const chosen = words.filter((_, at) => {
    const height = (at + 0.5) / words.length
    return height >= from && height <= to
  })
  return chosen.length ? `${field} IN (${chosen.map(quote).join(', ')})` : ''
}

function axisX(axis: number, count: number, width: number): number {
  return SIDE + (axis * (width - 2 * SIDE)) / Math.max(1, count - 1)
}

function axisAt(x: number, count: number, width: number): number {
  const axis = Math.round(((x - SIDE) / (width - 2 * SIDE)) * (count - 1))
  const isNear = Math.abs(axisX(axis, count, width) - x) < REACH_PX
  return axis >= 0 && axis < count && isNear ? axis : -1
}

function* paint(
  ctx: CanvasRenderingContext2D,
  width: number,
  height: number,
  data: Runs,
  axes: readonly Axis[],
): Generator<void> {
  const ink = getInk()
  const toY = (share: number) => height - BOTTOM - share * (height - TOP - BOTTOM)
  const last = axes.at(-1)
  const color = colorsOf(data, last?.field ?? '')
  ctx.globalAlpha = Math.max(0.03, Math.min(0.7, 60 / data.ids.length))
  ctx.lineWidth = 1
  // A line is drawn as far as its run has values next to each other.
  for (let at = 0; at < data.ids.length; at++) {
    ctx.strokeStyle = color(at)
    ctx.beginPath()
    let isDown = false
    for (let axis = 0; axis < axes.length; axis++) {
      const share = axes[axis]?.heights[at] ?? Number.NaN
      if (Number.isNaN(share)) {
        isDown = false
        continue
      }
      const x = axisX(axis, axes.length, width)
      if (isDown) ctx.lineTo(x, toY(share))
      else ctx.moveTo(x, toY(share))
      isDown = true
    }
    ctx.stroke()
    if (at % STEP === STEP - 1) yield
  }
  ctx.globalAlpha = 1
  ctx.font = ink.font
  axes.forEach(({ field, range, words }, axis) => {
    const x = Math.round(axisX(axis, axes.length, width)) + 0.5
    ctx.strokeStyle = ink.muted
    ctx.beginPath()
    ctx.moveTo(x, TOP)
    ctx.lineTo(x, height - BOTTOM)
    ctx.stroke()
    ctx.textAlign = 'center'
    ctx.textBaseline = 'bottom'
    ctx.fillStyle = ink.text
    ctx.fillText(nameOf(field), x, TOP - 12, (width - 2 * SIDE) / Math.max(1, axes.length - 1) - 8)
    ctx.textAlign = axis === axes.length - 1 ? 'left' : 'right'
    ctx.textBaseline = 'middle'
    const off = axis === axes.length - 1 ? 5 : -5
    const marks = range
      ? ticksOf(range, 5).map((tick, _, ticks): [number, string] => [
          (tick - range[0]) / (range[1] - range[0] || 1),
          formatTick(tick, (ticks[1] ?? 0) - (ticks[0] ?? 0) || 1),
        ])
      : words.map((word, at): [number, string] => [(at + 0.5) / words.length, word])
    ctx.lineWidth = 3
    ctx.strokeStyle = ink.background
    for (const [share, text] of marks) {
      ctx.strokeText(text, x + off, toY(share), SIDE - 8)
      ctx.fillText(text, x + off, toY(share), SIDE - 8)
    }
    ctx.lineWidth = 1
  })
}
