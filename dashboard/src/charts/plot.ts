// Draws curves with uPlot: axes and zoom are its own, lines and labels ours, columns shared.
import uPlot from 'uplot'
import { formatSpan, formatValue } from '#lib/format.ts'
import { DASHES } from '#lib/palette.ts'
import type { ChartView } from '#lib/view.ts'
import type { StatusName } from '#ui/Status.tsx'
import { getInk, inkOf } from './colors.ts'
import { spread } from './ends.ts'
import type { Series } from './series.ts'
import { formatTick, withAir } from './ticks.ts'

export interface Line {
  runId: string
  status: StatusName
  series: Series
  /** 0 for a solid line; a run that shares another's colour is dashed. */
  twin: number
}

export interface PlotEvents {
  zoom(range: [number, number] | null): void
  /** The pointer's x value, and the nearest curve within reach. */
  point(x: number | null, runId: string | null, left: number, top: number): void
}

const REACH_PX = 24
const LABELS = 8
// Curves of more points than this many times the width are drawn thin.
const CROWD = 3
const LABEL_GAP = 12
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
      this.style()
    } else {
      this.style()
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
    this.style()
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

  /** What depends on the runs, and on which of them is lit. */
  private style(): void {
    if (!this.u) return
    const known = this.lit !== null && this.lines.some((line) => line.runId === this.lit)
    const points = this.lines.reduce((sum, { series }) => sum + series.length, 0)
    const isSparse = points < CROWD * this.width
    for (const [index, series] of this.u.series.entries()) {
      if (index === 0) continue
      const { line, ghost } = this.lineAt(index)
      const alpha = ghost ? GHOST_ALPHA : 1
      series.alpha = known && line?.runId !== this.lit ? alpha * DIM_ALPHA : alpha
      // Unlike thin ones, thick lines of many points cost a browser without a GPU dearly.
      const isThick = isSparse || (known && line?.runId === this.lit)
      const isDense = (line?.series.length ?? 0) > this.width
      series.width = !ghost && isThick && !isDense ? 1.5 : 1
      series.dash = [...(DASHES[(line?.twin ?? 0) % DASHES.length] ?? [])]
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

  /** A mark of how the run stands and the last value, where each curve ends. */
  private ends(u: uPlot): void {
    const { ctx, bbox } = u
    const ratio = devicePixelRatio
    const [right, bottom] = [bbox.left + bbox.width, bbox.top + bbox.height]
    const known = this.lit !== null && this.lines.some((line) => line.runId === this.lit)
    const ends: End[] = []
    for (const { runId, status, series } of this.lines) {
      const { shown } = series
      let last = shown.length - 1
      while (last >= 0 && !Number.isFinite(shown[last])) last--
      const [x, y] = [series.xs[last], shown[last]]
      if (x === undefined || y === undefined) continue
      const [left, top] = [u.valToPos(x, 'x', true), u.valToPos(y, 'y', true)]
      if (!(left <= right + 1 && left >= bbox.left && top >= bbox.top && top <= bottom)) continue
      const isLit = !known || runId === this.lit
      const isCut =
        series.totalInRange < series.total &&
        this.view?.zoom !== null &&
        left > right - CUT_PX * ratio
      ends.push({ left, top, value: y, status, ink: inkOf(runId), isLit, isCut })
    }
    ctx.save()
    for (const end of ends) if (!end.isCut) mark(ctx, end, ratio)
    ctx.font = getInk().font.replace('11px', `${11 * ratio}px`)
    ctx.textBaseline = 'middle'
    ctx.textAlign = 'left'
    ctx.globalAlpha = 1
    const labelled = ends.filter((end) => end.isLit)
    const outer = labelled.filter((end) => end.left >= right - NEAR_PX * ratio).slice(0, LABELS)
    const half = 5 * ratio
    const tops = spread(
      outer.map((end) => end.top),
      [bbox.top + half, bottom - half],
      LABEL_GAP * ratio,
    )
    outer.forEach((end, index) => {
      ctx.fillStyle = end.ink
      const text = formatValue(end.value, 4)
      ctx.fillText(text, right + 9 * ratio, tops[index] ?? end.top, (LABEL_PX - 11) * ratio)
    })
    // Labels of curves that end earlier stand among the others: on a ground of their own, and few.
    const inner = labelled.filter((end) => end.left < right - NEAR_PX * ratio)
    const taken: { left: number; right: number; top: number }[] = []
    ctx.strokeStyle = getInk().background
    ctx.lineWidth = 3 * ratio
    ctx.lineJoin = 'round'
    for (const end of inner.length > LABELS ? [] : inner) {
      const text = formatValue(end.value, 4)
      const left = end.left + 9 * ratio
      const box = { left, right: left + ctx.measureText(text).width, top: end.top }
      const isCovered = taken.some(
        (other) =>
          Math.abs(other.top - box.top) < LABEL_GAP * ratio &&
          other.left < box.right &&
          box.left < other.right,
      )
      if (isCovered) continue
      taken.push(box)
      ctx.strokeText(text, left, end.top)
      ctx.fillStyle = end.ink
      ctx.fillText(text, left, end.top)
    }
    ctx.restore()
  }
}

interface End {
  left: number
  top: number
  value: number
  status: StatusName
  ink: string
  isLit: boolean
  /** The edge of a zoom, behind which the curve goes on. */
  isCut: boolean
}

/** Running: a dot with a halo. Stalled: a ring. Finished: a bar. Failed or killed: a cross. */
function mark(ctx: CanvasRenderingContext2D, end: End, ratio: number): void {
  const { left, top, status } = end
  const ink = getInk()
  const alpha = end.isLit ? 1 : DIM_ALPHA
  const [fill, line] = [new Path2D(), new Path2D()]
  ctx.fillStyle = end.ink
  ctx.strokeStyle = end.ink
  ctx.lineWidth = 1.75 * ratio
  ctx.setLineDash([])
  const r = 3 * ratio
  if (status === 'RUNNING' || status === 'SCHEDULED') {
    const halo = new Path2D()
    halo.arc(left, top, 6 * ratio, 0, 2 * Math.PI)
    ctx.globalAlpha = alpha * 0.25
    ctx.fill(halo)
    fill.arc(left, top, 2.5 * ratio, 0, 2 * Math.PI)
  } else if (status === 'STALLED') {
    fill.arc(left, top, r, 0, 2 * Math.PI)
    line.arc(left, top, r, 0, 2 * Math.PI)
    ctx.fillStyle = ink.background
    ctx.strokeStyle = ink.stalled
  } else if (status === 'FINISHED') {
    line.moveTo(left, top - 1.5 * r)
    line.lineTo(left, top + 1.5 * r)
  } else {
    line.moveTo(left - r, top - r)
    line.lineTo(left + r, top + r)
    line.moveTo(left - r, top + r)
    line.lineTo(left + r, top - r)
    ctx.strokeStyle = status === 'FAILED' ? ink.failed : ink.killed
  }
  ctx.globalAlpha = alpha
  ctx.fill(fill)
  ctx.stroke(line)
}

// A curve that ends this near to the right edge has its label outside.
const NEAR_PX = 24
const CUT_PX = 4
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
