// The columns of one series as they are drawn: sorted by x, appended in place, never copied.

import type { Axis } from '#lib/view.ts'
import type { Curve, Delta } from '#live/follow.ts'
import { Average } from './smooth.ts'

/** Where a point stands on the x axis. */
export interface Coordinate {
  axis: Axis
  /** When the run started, for relative time. */
  start: number
}

type Name = 'xs' | 'steps' | 'times' | 'values' | 'smoothed'

export class Series {
  readonly runId: string
  readonly key: string
  /** Points drawn. */
  length: number
  /** Points of the series, and of the part of it that is shown. */
  total: number
  totalInRange: number
  /** Raw points that came since the snapshot. */
  appended = 0
  private readonly columns: Record<Name, Float64Array>
  private readonly coordinate: Coordinate
  private readonly range: { start: number; end: number } | null
  private readonly byOffset: boolean
  private readonly average: Average | null
  readonly isSmoothed: boolean

  constructor(
    curve: Curve,
    coordinate: Coordinate,
    smoothing = 0,
    range: { start: number; end: number } | null = null,
  ) {
    this.runId = curve.runId
    this.key = curve.key
    this.length = curve.values.length
    this.total = curve.total
    this.totalInRange = curve.totalInRange
    this.coordinate = coordinate
    this.range = range
    this.byOffset = curve.axis === 'OFFSET'
    this.isSmoothed = curve.smoothed !== null
    this.columns = {
      xs: new Float64Array(0),
      steps: curve.steps,
      times: curve.times,
      values: curve.values,
      smoothed: curve.smoothed ?? new Float64Array(0),
    }
    this.columns.xs = this.toXs(curve.steps, curve.times, (index) => curve.offsets[index] ?? 0)
    this.average = curve.smoothed ? Average.after(curve, smoothing) : null
  }

  get xs(): Float64Array {
    return this.columns.xs.subarray(0, this.length)
  }

  get steps(): Float64Array {
    return this.columns.steps.subarray(0, this.length)
  }

  get times(): Float64Array {
    return this.columns.times.subarray(0, this.length)
  }

  get values(): Float64Array {
    return this.columns.values.subarray(0, this.length)
  }

  /** What the curve shows: smoothed where smoothing is on. */
  get shown(): Float64Array {
    return this.isSmoothed ? this.columns.smoothed.subarray(0, this.length) : this.values
  }

  /** Adds live points. False when only a new snapshot can show them rightly. */
  append(delta: Delta): boolean {
    const count = delta.values.length
    const gained = delta.nextOffset - delta.offset
    this.total += gained
    const xs = this.toXs(delta.steps, delta.times, (index) => delta.offset + index)
    let faithful = !this.isSmoothed || this.average !== null
    this.reserve(this.length + count)
    let inside = 0
    for (let index = 0; index < count; index++) {
      const value = delta.values[index] ?? Number.NaN
      const smoothed = this.average ? this.average.next(value) : Number.NaN
      const step = delta.steps[index] ?? 0
      const time = delta.times[index] ?? 0
      if (!this.isInside(xs[index] ?? 0, step, time)) continue
      inside++
      const at = this.place(xs[index] ?? 0)
      if (at < this.length && this.isSmoothed) faithful = false
      this.insert(at, { xs: xs[index] ?? 0, steps: step, times: time, values: value, smoothed })
    }
    this.totalInRange += delta.reduced && inside === count ? gained : inside
    this.appended += inside
    return faithful
  }

  /** The index of the point nearest to x; −1 when there is none. */
  nearest(x: number): number {
    if (this.length === 0) return -1
    const { xs } = this.columns
    const after = this.place(x)
    const before = after - 1
    if (before < 0) return 0
    if (after >= this.length) return before
    return x - (xs[before] ?? 0) <= (xs[after] ?? 0) - x ? before : after
  }

  /** The first index whose x is greater. */
  private place(x: number): number {
    const { xs } = this.columns
    let low = 0
    let high = this.length
    if (high > 0 && x >= (xs[high - 1] ?? 0)) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((xs[middle] ?? 0) <= x) low = middle + 1
      else high = middle
    }
    return low
  }

  private insert(at: number, point: Record<Name, number>): void {
    for (const name of NAMES) {
      if (name === 'smoothed' && !this.isSmoothed) continue
      const column = this.columns[name]
      if (at < this.length) column.copyWithin(at + 1, at, this.length)
      column[at] = point[name]
    }
    this.length++
  }

  private reserve(size: number): void {
    if (size <= this.columns.xs.length) return
    const capacity = Math.max(64, 2 ** Math.ceil(Math.log2(size)))
    for (const name of NAMES) {
      if (name === 'smoothed' && !this.isSmoothed) continue
      const column = new Float64Array(capacity)
      column.set(this.columns[name].subarray(0, this.length))
      this.columns[name] = column
    }
  }

  private isInside(x: number, step: number, time: number): boolean {
    if (!this.range) return true
    const at = this.coordinate.axis !== 'step' ? time : this.byOffset ? x : step
    return at >= this.range.start && at <= this.range.end
  }

  private toXs(
    steps: Float64Array,
    times: Float64Array,
    offset: (index: number) => number,
  ): Float64Array {
    const { axis, start } = this.coordinate
    if (axis === 'time') return Float64Array.from(times)
    if (axis === 'relative') return times.map((time) => (time - start) / 1000)
    return this.byOffset ? steps.map((_, index) => offset(index)) : Float64Array.from(steps)
  }
}

const NAMES: readonly Name[] = ['xs', 'steps', 'times', 'values', 'smoothed']
