import { expect, test } from 'vitest'
import { type Clock, Painter } from './painter.ts'

class FakeClock implements Clock {
  time = 0
  private queue: { at: number; work: () => void }[] = []

  now(): number {
    return this.time
  }

  later(work: () => void, ms: number): () => void {
    const entry = { at: this.time + ms, work }
    this.queue.push(entry)
    return () => {
      this.queue = this.queue.filter((each) => each !== entry)
    }
  }

  frame(work: () => void): () => void {
    return this.later(work, 1)
  }

  advance(ms: number): void {
    const end = this.time + ms
    for (;;) {
      const due = this.queue.filter((each) => each.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!due) break
      this.queue = this.queue.filter((each) => each !== due)
      this.time = due.at
      due.work()
    }
    this.time = end
  }
}

test('the first point is painted at once and a storm ten times a second', () => {
  const clock = new FakeClock()
  const paints: { at: number; names: string[] }[] = []
  const painter = new Painter((dirty) => paints.push({ at: clock.time, names: [...dirty] }), clock)
  painter.touch('loss')
  clock.advance(1)
  expect(paints).toEqual([{ at: 1, names: ['loss'] }])
  for (let ms = 0; ms < 1000; ms++) {
    painter.touch(ms % 2 ? 'loss' : 'acc')
    clock.advance(1)
  }
  expect(paints.length).toBeGreaterThanOrEqual(10)
  expect(paints.length).toBeLessThanOrEqual(11)
  clock.advance(500)
  const last = paints.at(-1)
  expect(last?.names.length).toBeGreaterThan(0)
  const before = paints.length
  painter.touch('loss')
  clock.advance(1)
  expect(paints).toHaveLength(before + 1)
})

test('nothing is painted after the end', () => {
  const clock = new FakeClock()
  let paints = 0
  const painter = new Painter(() => paints++, clock)
  painter.touch('loss')
  painter.stop()
  clock.advance(1000)
  expect(paints).toBe(0)
})

test('a steady stream is painted in step with it', () => {
  const clock = new FakeClock()
  const waiting: number[] = []
  const waits: number[] = []
  let paints = 0
  const painter = new Painter(() => {
    paints++
    for (const since of waiting.splice(0)) waits.push(clock.time - since)
  }, clock)
  // Twenty a second, each up to 8 ms late.
  const noise = [3, 8, 0, 5, 1, 7, 2, 6, 4, 0, 8]
  for (let count = 0; count < 200; count++) {
    clock.advance(count * 50 + (noise[count % noise.length] ?? 0) - clock.time)
    waiting.push(clock.time)
    painter.touch('loss')
  }
  expect(paints).toBeLessThanOrEqual(101)
  waits.sort((a, b) => a - b)
  expect(waits[Math.floor(waits.length / 2)]).toBeLessThan(50)
  expect(waits.at(-3)).toBeLessThan(75)
})

test('a paint that came late is not followed by the next one at once', () => {
  const clock = new FakeClock()
  clock.frame = (work) => clock.later(work, 90)
  const paints: number[] = []
  const painter = new Painter(() => paints.push(clock.time), clock)
  for (let ms = 0; ms < 1000; ms++) {
    painter.touch('loss')
    clock.advance(1)
  }
  const gaps = paints.slice(1).map((at, index) => at - (paints[index] ?? 0))
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(100)
})
