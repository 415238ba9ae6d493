import { expect, test } from 'vitest'
import type { Curve, Delta } from '#live/follow.ts'
import { Series } from './series.ts'
import { Average } from './smooth.ts'

function curve(values: number[], more: Partial<Curve> = {}): Curve {
  const offsets = Float64Array.from(values, (_, index) => index)
  return {
    runId: 'r',
    key: 'loss',
    axis: 'STEP',
    bucketWidth: 1,
    totalInRange: values.length,
    total: values.length,
    nextOffset: values.length,
    offsets,
    steps: offsets.map((offset) => offset * 10),
    times: offsets.map((offset) => 1_000_000 + offset * 500),
    values: Float64Array.from(values),
    smoothed: null,
    ...more,
  }
}

function delta(offset: number, steps: number[], values: number[]): Delta {
  return {
    runId: 'r',
    key: 'loss',
    offset,
    nextOffset: offset + values.length,
    reduced: false,
    steps: Float64Array.from(steps),
    times: Float64Array.from(steps, (step) => 1_000_000 + step * 50),
    values: Float64Array.from(values),
  }
}

const byStep = { axis: 'step', start: 0 } as const

test('live points are appended in place', () => {
  const series = new Series(curve([3, 2]), byStep)
  for (let at = 2; at < 500; at++) series.append(delta(at, [at * 10], [1 / at]))
  expect(series.length).toBe(500)
  expect(series.total).toBe(500)
  expect(series.xs.at(-1)).toBe(4990)
  expect(series.values.at(-1)).toBe(1 / 499)
  expect(series.appended).toBe(498)
})

test('a late step takes its place, behind those of the same step', () => {
  const series = new Series(curve([1, 2, 3]), byStep)
  expect(series.append(delta(3, [10, 5], [9, 8]))).toBe(true)
  expect([...series.xs]).toEqual([0, 5, 10, 10, 20])
  expect([...series.values]).toEqual([1, 8, 2, 9, 3])
})

test('x is the step, the time, the time since the start, or the offset', () => {
  const points = [1, 2]
  expect([...new Series(curve(points), { axis: 'time', start: 0 }).xs]).toEqual([
    1_000_000, 1_000_500,
  ])
  const relative = new Series(curve(points), { axis: 'relative', start: 999_000 })
  relative.append(delta(2, [100], [0]))
  expect([...relative.xs]).toEqual([1, 1.5, 6])
  const still = new Series(curve(points, { axis: 'OFFSET', steps: new Float64Array(2) }), byStep)
  still.append(delta(2, [0], [0]))
  expect([...still.xs]).toEqual([0, 1, 2])
})

test('a zoomed series counts all points and draws those in its range', () => {
  const range = { start: 0, end: 25 }
  const series = new Series(curve([1, 2, 3]), byStep, 0, range)
  series.append(delta(3, [24, 30], [4, 5]))
  expect([...series.xs]).toEqual([0, 10, 20, 24])
  expect([series.totalInRange, series.total]).toEqual([4, 5])
})

test('the nearest point', () => {
  const series = new Series(curve([1, 2, 3]), byStep)
  expect([-5, 4, 6, 99].map((x) => series.nearest(x))).toEqual([0, 0, 1, 2])
  expect(new Series(curve([]), byStep).nearest(1)).toBe(-1)
})

function smooth(values: number[], weight: number): number[] {
  const average = new Average(weight)
  return values.map((value) => average.next(value))
}

test('smoothing goes on where the server stopped', () => {
  const values = [5, 4, Number.NaN, 3, 7, 1, 2]
  const all = smooth(values, 0.8)
  expect(all[0]).toBeCloseTo(5, 12)
  expect(all[1]).toBeCloseTo((0.8 * 0.2 * 5 + 0.2 * 4) / (1 - 0.64), 12)
  for (let cut = 0; cut <= values.length; cut++) {
    const smoothed = Float64Array.from(all.slice(0, cut))
    const series = new Series(curve(values.slice(0, cut), { smoothed }), byStep, 0.8)
    const rest = values.slice(cut)
    const steps = rest.map((_, index) => (cut + index) * 10)
    expect(series.append(delta(cut, steps, rest))).toBe(true)
    all.forEach((value, index) => {
      if (Number.isNaN(value)) expect(series.shown[index]).toBeNaN()
      else expect(series.shown[index]).toBeCloseTo(value, 10)
    })
  }
})

test('a snapshot that ends early, or a late step, needs the server to smooth', () => {
  const smoothed = Float64Array.from([1, 1])
  const part = new Series(curve([1, 1], { smoothed, nextOffset: 9, total: 9 }), byStep, 0.5)
  expect(part.append(delta(9, [90], [2]))).toBe(false)
  const whole = new Series(curve([1, 1], { smoothed }), byStep, 0.5)
  expect(whole.append(delta(2, [5], [2]))).toBe(false)
})
