// The server's smoothing, continued on live points: a debiased moving average that passes NaN by.
import type { Curve } from '#live/follow.ts'

const HUGE = 1e150

export class Average {
  private readonly weight: number
  private carry: number
  private seen: number

  constructor(weight: number, carry = 0, seen = 0) {
    this.weight = weight
    this.carry = carry
    this.seen = seen
  }

  /** Continues where a snapshot ends; null when it does not reach the end of its series. */
  static after(curve: Curve, weight: number): Average | null {
    const { offsets, values, smoothed } = curve
    if (!smoothed) return null
    if (values.length === 0) return curve.total === 0 ? new Average(weight) : null
    // Sorted by x, the series is continued at its end only when its last point came last.
    if (offsets[offsets.length - 1] !== curve.nextOffset - 1) return null
    const whole = values.length === curve.total
    const seen = whole
      ? values.reduce((n, value) => n + (Number.isNaN(value) ? 0 : 1), 0)
      : curve.total
    const last = smoothed.findLast((value) => !Number.isNaN(value))
    if (last === undefined) return new Average(weight)
    return new Average(weight, last * (1 - weight ** seen), seen)
  }

  next(value: number): number {
    if (Number.isNaN(value)) return Number.NaN
    const bounded = Math.min(HUGE, Math.max(-HUGE, value))
    this.carry = this.weight * this.carry + (1 - this.weight) * bounded
    this.seen++
    return this.carry / (1 - this.weight ** this.seen)
  }
}
