// Scales, axes and a sharp canvas: what the panels that draw by themselves share.
import { type RefObject, useEffect, useRef } from 'react'
import { getInk } from '#charts/colors.ts'
import { formatTick } from '#charts/ticks.ts'
import { subscribeTheme } from '#lib/theme.ts'

export interface Scale {
  range: [number, number]
  toPixel(value: number): number
  toValue(pixel: number): number
}

export function scaleOf(range: [number, number], pixels: [number, number], log = false): Scale {
  const put = log ? Math.log : (value: number) => value
  const back = log ? Math.exp : (value: number) => value
  const [low, high] = [put(range[0]), put(range[1])]
  const factor = (pixels[1] - pixels[0]) / (high - low || 1)
  return {
    range,
    toPixel: (value) => pixels[0] + (put(value) - low) * factor,
    toValue: (pixel) => back(low + (pixel - pixels[0]) / factor),
  }
}

/** Round values, about so many. */
export function ticksOf([low, high]: [number, number], count: number, log = false): number[] {
  if (log && high / low > 20) {
    const first = Math.ceil(Math.log10(low))
    const last = Math.floor(Math.log10(high))
    const step = Math.max(1, Math.ceil((last - first + 1) / count))
    const ticks: number[] = []
    for (let power = first; power <= last; power += step) ticks.push(10 ** power)
    return ticks
  }
  const raw = (high - low) / Math.max(1, count)
  const size = 10 ** Math.floor(Math.log10(raw || 1))
  const step = [1, 2, 5, 10].map((times) => times * size).find((each) => each >= raw) ?? raw
  const ticks: number[] = []
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at++) ticks.push(at * step)
  return ticks
}

export function extent(values: Iterable<number>, log = false): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    if (!Number.isFinite(value) || (log && value <= 0)) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  return [low, high]
}

export interface Box {
  left: number
  right: number
  top: number
  bottom: number
}

export function drawAxes(
  ctx: CanvasRenderingContext2D,
  box: Box,
  x: Scale,
  y: Scale,
  log: [boolean, boolean],
) {
  const ink = getInk()
  ctx.font = ink.font
  ctx.strokeStyle = ink.grid
  ctx.fillStyle = ink.muted
  ctx.lineWidth = 1
  const xs = ticksOf(x.range, Math.max(2, Math.floor((box.right - box.left) / 90)), log[0])
  const ys = ticksOf(y.range, Math.max(2, Math.floor((box.bottom - box.top) / 45)), log[1])
  ctx.textAlign = 'center'
  ctx.textBaseline = 'top'
  ctx.beginPath()
  for (const tick of xs) {
    const at = Math.round(x.toPixel(tick)) + 0.5
    ctx.moveTo(at, box.top)
    ctx.lineTo(at, box.bottom)
    ctx.fillText(formatTick(tick, distance(xs)), at, box.bottom + 5)
  }
  ctx.textAlign = 'right'
  ctx.textBaseline = 'middle'
  for (const tick of ys) {
    const at = Math.round(y.toPixel(tick)) + 0.5
    ctx.moveTo(box.left, at)
    ctx.lineTo(box.right, at)
    ctx.fillText(formatTick(tick, distance(ys)), box.left - 6, at)
  }
  ctx.stroke()
}

function distance(ticks: readonly number[]): number {
  return Math.abs((ticks[1] ?? 0) - (ticks[0] ?? 0)) || 1
}

export type Draw = (
  ctx: CanvasRenderingContext2D,
  width: number,
  height: number,
) => Generator<void> | undefined

// What takes longer is drawn over several frames.
const SLICE_MS = 8

/** Draws at once, with every change of size and theme, and whenever `draw` is another. */
export function useCanvas(draw: Draw): RefObject<HTMLCanvasElement | null> {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const element = canvas.current
    const host = element?.parentElement
    const ctx = element?.getContext('2d')
    if (!element || !host || !ctx) return
    const paint = () => {
      const { clientWidth: width, clientHeight: height } = host
      const ratio = devicePixelRatio
      element.width = Math.round(width * ratio)
      element.height = Math.round(height * ratio)
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0)
      ctx.clearRect(0, 0, width, height)
      cancelAnimationFrame(frame)
      const steps = draw(ctx, width, height)
      if (steps) go(steps)
    }
    let frame = 0
    const go = (steps: Generator<void>) => {
      const end = performance.now() + SLICE_MS
      while (performance.now() < end) if (steps.next().done) return
      frame = requestAnimationFrame(() => go(steps))
    }
    const size = new ResizeObserver(paint)
    size.observe(host)
    const stop = subscribeTheme(() => requestAnimationFrame(paint))
    return () => {
      cancelAnimationFrame(frame)
      size.disconnect()
      stop()
    }
  }, [draw])
  return canvas
}
