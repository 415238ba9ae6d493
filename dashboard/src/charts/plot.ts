// Draws curves with uPlot: axes and zoom are its own, lines and labels ours, columns shared.
import uPlot from 'uplot'
import { formatSpan, formatValue } from '#lib/format.ts'
import type { ChartView } from '#lib/view.ts'
import { getInk, inkOf } from './colors.ts'
import type { Series } from './series.ts'
import { formatTick, withAir } from './ticks.ts'

export interface Line {
  runId: string
  series: Series
  /** 0 for a solid line; a run that shares another's colour is dashed. */
  twin: number
}

export interface PlotEvents {
  zoom(range: [number, number] | null): void
  /** The pointer's x value, and the nearest curve within reach. */
  point(x: number | null, runId: string | null, left: number, top: number): void
}

const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3], [10, 3, 2, 3]]
const REACH_PX = 24
const LABELS = 6
const GHOST_ALPHA = 0.22
const DIM_ALPHA = 0.16

export class Plot {
  private readonly host: HTMLElement
  private readonly events: PlotEvents
  private readonly crosshair: HTMLElement
  private u: uPlot | null = null
  private shape = ''
  private lines: Line[] = []
  private view: ChartView | null = null
  private lit: string | null = null
  private width = 0
  private height = 0
  private xRange: [number, number] = [0, 1]
  private yRange: [number, number] = [0, 1]

  constructor(host: HTMLElement, events: PlotEvents) {
    this.host = host
    this.events = events
    this.crosshair = document.createElement('div')
    this.crosshair.className = 'crosshair'
    this.crosshair.hidden = true
  }

  resize(width: number, height: number): void {
    if (width === this.width && height === this.height) return
    this.width = width
    this.height = height
    this.u?.setSize({ width, height })
  }

  draw(lines: Line[], view: ChartView): void {
    if (!this.width || !this.height) return
    this.lines = lines
    this.view = view
    if (lines.length === 0) {
      this.destroy()
      return
    }
    const smooth = lines.some((line) => line.series.isSmoothed)
    const shape = [lines.length, smooth, view.x, view.logX, view.logY].join()
    this.range()
    if (!this.u || shape !== this.shape) {
      this.u?.destroy()
      this.shape = shape
      this.u = new uPlot(this.options(view, smooth), this.columns(smooth), this.host)
      this.u.over.append(this.crosshair)
      this.light(this.lit)
    } else {
      this.dim()
      this.u.setData(this.columns(smooth), true)
    }
  }

  /** The theme changed: everything is drawn anew in its colours. */
  repaint(): void {
    this.u?.destroy()
    this.u = null
    if (this.view) this.draw(this.lines, this.view)
  }

  /** Brings one run's curve to the front; null lights them all. */
  light(runId: string | null): void {
    this.lit = runId
    if (!this.u) return
    this.dim()
    this.u.redraw(false)
  }

  setCrosshair(x: number | null): void {
    const { u } = this
    if (!u) return
    const left = x === null ? Number.NaN : u.valToPos(x, 'x')
    const visible = left >= 0 && left <= u.over.clientWidth
    this.crosshair.hidden = !visible
    if (visible) this.crosshair.style.transform = `translateX(${left}px)`
  }

  destroy(): void {
    this.u?.destroy()
    this.u = null
  }

  private dim(): void {
    if (!this.u) return
    const known = this.lit !== null && this.lines.some((line) => line.runId === this.lit)
    for (const [index, series] of this.u.series.entries()) {
      if (index === 0) continue
      const { line, ghost } = this.lineAt(index)
      const alpha = ghost ? GHOST_ALPHA : 1
      series.alpha = known && line?.runId !== this.lit ? alpha * DIM_ALPHA : alpha
      const isDense = (line?.series.length ?? 0) > this.width
      series.width = ghost || isDense ? 1 : 1.5
    }
  }

  private lineAt(index: number): { line: Line | undefined; ghost: boolean } {
    const count = this.lines.length
    const ghost = this.u !== null && this.u.series.length > count + 1 && index <= count
    return { line: this.lines[(index - 1) % count], ghost }
  }

  /** uPlot's series from the front: ghosts first where curves are smoothed, then the curves. */
  private columns(smooth: boolean): uPlot.AlignedData {
    const ghosts = smooth ? this.lines.map(({ series }) => [series.xs, series.values]) : []
    const curves = this.lines.map(({ series }) => [series.xs, series.shown])
    return [null, ...ghosts, ...curves] as unknown as uPlot.AlignedData
  }

  private options(view: ChartView, smooth: boolean): uPlot.Options {
    const ink = getInk()
    const axis: uPlot.Axis = {
      stroke: ink.muted,
      font: ink.font,
      grid: { stroke: ink.grid, width: 1 },
      ticks: { show: false },
    }
    const facets = [
      { scale: 'x', auto: false },
      { scale: 'y', auto: false },
    ]
    const series = (index: number, ghost: boolean): uPlot.Series => {
      const line = () => this.lines[index]
      return {
        facets,
        auto: false,
        width: ghost ? 1 : 1.5,
        alpha: ghost ? GHOST_ALPHA : 1,
        cap: 'round',
        dash: [...(DASHES[(line()?.twin ?? 0) % DASHES.length] ?? [])],
        stroke: () => inkOf(line()?.runId ?? ''),
        points: { show: false },
        paths: (u, seriesIndex) => path(u, seriesIndex, view),
      }
    }
    const all = this.lines.map((_, index) => index)
    return {
      mode: 2,
      ms: 1,
      width: this.width,
      height: this.height,
      padding: [10, LABEL_PX, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: view.x === 'time', distr: view.logX ? 3 : 1, range: () => this.xRange },
        y: { distr: view.logY ? 3 : 1, range: () => this.yRange },
      },
      axes: [
        {
          ...axis,
          size: 24,
          gap: 4,
          space: view.x === 'time' ? 60 : 56,
          ...(view.x === 'time' ? {} : { values: (_, ticks, __, ___, d) => spans(ticks, d, view) }),
        },
        {
          ...axis,
          size: 46,
          gap: 6,
          space: 28,
          values: (_, ticks, __, ___, d) => labels(ticks, d),
        },
      ],
      series: [
        {},
        ...(smooth ? all.map((index) => series(index, true)) : []),
        ...all.map((index) => series(index, false)),
      ],
      cursor: {
        x: false,
        y: false,
        points: { show: false },
        dataIdx: () => null as unknown as number,
        drag: { x: true, y: false, setScale: false, dist: 4 },
        bind: {
          dblclick: () => () => {
            this.events.zoom(null)
            return null
          },
        },
      },
      hooks: {
        setSelect: [(u) => this.select(u)],
        setCursor: [(u) => this.point(u)],
        draw: [(u) => this.ends(u)],
      },
    }
  }

  private select(u: uPlot): void {
    const { left, width } = u.select
    if (width < 4) return
    const range: [number, number] = [u.posToVal(left, 'x'), u.posToVal(left + width, 'x')]
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
    this.events.zoom(range)
  }

  private point(u: uPlot): void {
    const { left = -1, top = -1 } = u.cursor
    if (left < 0) {
      this.events.point(null, null, 0, 0)
      return
    }
    const x = u.posToVal(left, 'x')
    let [nearest, distance] = [null as string | null, REACH_PX]
    for (const { runId, series } of this.lines) {
      const index = series.nearest(x)
      const at = series.xs[index]
      const value = series.shown[index]
      if (at === undefined || value === undefined || !Number.isFinite(value)) continue
      const away = Math.hypot(u.valToPos(at, 'x') - left, u.valToPos(value, 'y') - top)
      if (away < distance) [nearest, distance] = [runId, away]
    }
    this.events.point(x, nearest, left + u.bbox.left / devicePixelRatio, top)
  }

  /** The ranges of both axes: the zoom or everything, and all that is seen within it. */
  private range(): void {
    const { view, lines } = this
    if (!view) return
    let [left, right] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const { series } of lines) {
      const { xs } = series
      const first = view.logX ? xs.find((x) => x > 0) : xs[0]
      const last = xs[xs.length - 1]
      if (first !== undefined && first < left) left = first
      if (last !== undefined && last > right) right = last
    }
    if (view.zoom) [left, right] = view.zoom
    if (view.logX) left = left > 0 ? left : Math.min(1, right / 2)
    if (!(left < right)) [left, right] = Number.isFinite(left) ? around(left, view.logX) : [0, 1]
    this.xRange = [left, right]

    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    const sample: number[] = []
    for (const { series } of lines) {
      for (const values of series.isSmoothed ? [series.shown, series.values] : [series.values]) {
        const { xs } = series
        for (let index = 0; index < values.length; index++) {
          const value = values[index] ?? Number.NaN
          const x = xs[index] ?? 0
          if (!Number.isFinite(value) || x < left || x > right || (view.logY && value <= 0))
            continue
          if (value < low) low = value
          if (value > high) high = value
          if (view.clip) sample.push(value)
        }
      }
    }
    if (view.clip && sample.length >= 20) {
      const sorted = Float64Array.from(sample).sort()
      low = sorted[Math.floor(sorted.length * 0.02)] ?? low
      high = sorted[Math.ceil(sorted.length * 0.98) - 1] ?? high
    }
    this.yRange = withAir(low, high, view.logY)
  }

  /** A dot and the last value where each curve ends, as long as they don't cover each other. */
  private ends(u: uPlot): void {
    const { ctx, bbox } = u
    const ratio = devicePixelRatio
    const [right, bottom] = [bbox.left + bbox.width, bbox.top + bbox.height]
    const taken: number[] = []
    ctx.save()
    ctx.font = getInk().font.replace('11px', `${11 * ratio}px`)
    ctx.textBaseline = 'middle'
    ctx.textAlign = 'left'
    const known = this.lit !== null && this.lines.some((line) => line.runId === this.lit)
    const ordered = known
      ? this.lines.toSorted((a, b) => Number(b.runId === this.lit) - Number(a.runId === this.lit))
      : this.lines
    for (const { runId, series } of ordered) {
      const last = series.shown.findLastIndex((value) => Number.isFinite(value))
      const [x, y] = [series.xs[last], series.shown[last]]
      if (x === undefined || y === undefined) continue
      const [left, top] = [u.valToPos(x, 'x', true), u.valToPos(y, 'y', true)]
      if (!(left <= right + 1 && left >= bbox.left && top >= bbox.top && top <= bottom)) continue
      ctx.globalAlpha = known && runId !== this.lit ? DIM_ALPHA : 1
      ctx.fillStyle = inkOf(runId)
      ctx.beginPath()
      ctx.arc(left, top, 2.5 * ratio, 0, 2 * Math.PI)
      ctx.fill()
      // A label inside the chart would stand on other curves.
      const isInside = left < right - 24 * ratio && runId !== this.lit
      const crowded = taken.some((other) => Math.abs(other - top) < 12 * ratio)
      if (crowded || isInside || taken.length >= LABELS || (known && runId !== this.lit)) continue
      taken.push(top)
      ctx.fillText(
        formatValue(y, 4),
        Math.min(left, right) + 6 * ratio,
        top,
        (LABEL_PX - 8) * ratio,
      )
    }
    ctx.restore()
  }
}

const LABEL_PX = 58

/** Where values cannot be drawn — NaN, an infinity, a zero on a log axis — the line breaks. */
function path(u: uPlot, seriesIndex: number, view: ChartView): uPlot.Series.Paths {
  const [xs, ys] = u.data[seriesIndex] as unknown as [Float64Array, Float64Array]
  const stroke = new Path2D()
  let [lastX, lastY, run] = [0, 0, 0]
  for (let index = 0; index < xs.length; index++) {
    const [x, y] = [xs[index] ?? 0, ys[index] ?? Number.NaN]
    if (!Number.isFinite(y) || (view.logY && y <= 0) || (view.logX && x <= 0)) {
      if (run === 1) stroke.lineTo(lastX + 0.01, lastY)
      run = 0
      continue
    }
    lastX = u.valToPos(x, 'x', true)
    lastY = u.valToPos(y, 'y', true)
    if (run++) stroke.lineTo(lastX, lastY)
    else stroke.moveTo(lastX, lastY)
  }
  if (run === 1) stroke.lineTo(lastX + 0.01, lastY)
  return { stroke, fill: null, clip: null, band: null, gaps: [], flags: 0 }
}

function around(x: number, log: boolean): [number, number] {
  return log ? [x / 2, x * 2] : [x - 1, x + 1]
}

function labels(ticks: readonly (number | null)[], distance: number): string[] {
  return ticks.map((tick) => (tick === null ? '' : formatTick(tick, distance || tick)))
}

function spans(ticks: readonly (number | null)[], distance: number, view: ChartView): string[] {
  if (view.x !== 'relative') return labels(ticks, distance)
  return ticks.map((tick) => (tick === null ? '' : formatSpan(tick, distance || tick)))
}
