import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  type Curve,
  type Delta,
  Follower,
  nameOf,
  type Sink,
  type Source,
  type Subscribed,
  type View,
} from './follow.ts'

const view: View = { id: 'v', axis: 'STEP', pixels: 100, smoothing: 0, rangeOf: () => null }

/** A server in small: logs that only grow, streams that start at cursors, a wire that can be cut. */
class World implements Source {
  logs = new Map<string, number[]>()
  streams = new Set<{ wanted: Subscribed; sent: Map<string, number>; next: (d: Delta[]) => void }>()
  up = true
  delay = () => 20
  fetched = 0

  log(runId: string, key: string, ...values: number[]): void {
    const name = nameOf(runId, key)
    this.logs.set(name, [...(this.logs.get(name) ?? []), ...values])
  }

  async curves(runIds: string[], keys: string[]): Promise<Curve[]> {
    this.fetched++
    if (!this.up) throw new Error('gone')
    const curves: Curve[] = []
    for (const runId of runIds) {
      for (const key of keys) {
        const values = this.logs.get(nameOf(runId, key))
        if (values) curves.push(toCurve(runId, key, values))
      }
    }
    await new Promise((resolve) => setTimeout(resolve, this.delay()))
    return curves
  }

  listen(wanted: Subscribed, next: (series: Delta[]) => void): () => void {
    const stream = { wanted, sent: cursorsOf(wanted), next }
    this.streams.add(stream)
    return () => this.streams.delete(stream)
  }

  /** Every stream gets what it has not been sent; `again` repeats some of it, as a resend does. */
  deliver(again = 0): void {
    if (!this.up) return
    for (const stream of [...this.streams]) {
      for (const runId of stream.wanted.runIds) {
        for (const key of stream.wanted.keys) {
          const name = nameOf(runId, key)
          const log = this.logs.get(name) ?? []
          const offset = Math.max(0, (stream.sent.get(name) ?? 0) - again)
          if (offset >= log.length) continue
          stream.sent.set(name, log.length)
          stream.next([toDelta(runId, key, offset, log.slice(offset))])
        }
      }
    }
  }

  cut(): void {
    this.up = false
  }

  restore(): void {
    this.up = true
    for (const stream of this.streams) stream.sent = cursorsOf(stream.wanted)
  }
}

function cursorsOf(wanted: Subscribed): Map<string, number> {
  return new Map(wanted.after().map(({ runId, key, offset }) => [nameOf(runId, key), offset]))
}

function toCurve(runId: string, key: string, log: readonly number[]): Curve {
  const values = Float64Array.from(log)
  const offsets = values.map((_, index) => index)
  const total = values.length
  return {
    runId,
    key,
    axis: 'STEP',
    bucketWidth: 1,
    totalInRange: total,
    total,
    nextOffset: total,
    offsets,
    steps: offsets,
    times: offsets,
    values,
    smoothed: null,
  }
}

function toDelta(runId: string, key: string, offset: number, log: readonly number[]): Delta {
  const values = Float64Array.from(log)
  const steps = values.map((_, index) => offset + index)
  const nextOffset = offset + values.length
  return { runId, key, offset, nextOffset, reduced: false, steps, times: steps, values }
}

class Page implements Sink {
  drawn = new Map<string, number[]>()
  snapshots = 0
  error: Error | null = null

  snapshot(runId: string, key: string, curve: Curve | null): void {
    this.snapshots++
    this.drawn.set(nameOf(runId, key), curve ? [...curve.values] : [])
  }

  append(delta: Delta): void {
    const name = nameOf(delta.runId, delta.key)
    this.drawn.get(name)?.push(...delta.values)
  }

  trouble(error: Error | null): void {
    this.error = error
  }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a snapshot, then every point once', async () => {
  const [world, page] = [new World(), new Page()]
  const follower = new Follower(world, page)
  world.log('r', 'loss', 5, 4)
  follower.want({ runIds: ['r'], keys: ['loss'], view })
  await vi.advanceTimersByTimeAsync(200)
  expect(page.drawn.get(nameOf('r', 'loss'))).toEqual([5, 4])
  world.log('r', 'loss', 3)
  world.deliver()
  world.log('r', 'loss', 2, 1)
  world.deliver(2)
  expect(page.drawn.get(nameOf('r', 'loss'))).toEqual([5, 4, 3, 2, 1])
  expect(page.snapshots).toBe(1)
  follower.stop()
  expect(world.streams.size).toBe(0)
})

test('a series that does not exist yet is followed from its first point', async () => {
  const [world, page] = [new World(), new Page()]
  const follower = new Follower(world, page)
  follower.want({ runIds: ['r'], keys: ['late'], view })
  await vi.advanceTimersByTimeAsync(200)
  world.log('r', 'late', 1, 2)
  world.deliver()
  expect(page.drawn.get(nameOf('r', 'late'))).toEqual([1, 2])
})

test('one subscription, begun anew only for what is new', async () => {
  const [world, page] = [new World(), new Page()]
  const follower = new Follower(world, page)
  const listen = vi.spyOn(world, 'listen')
  for (const key of ['a', 'b', 'c']) world.log('r', key, 1)
  follower.want({ runIds: ['r'], keys: ['a', 'b'], view })
  await vi.advanceTimersByTimeAsync(200)
  follower.want({ runIds: ['r'], keys: ['a', 'b'], view: { ...view, id: 'finer' } })
  await vi.advanceTimersByTimeAsync(200)
  expect(listen).toHaveBeenCalledTimes(1)
  expect(page.snapshots).toBe(4)
  follower.want({ runIds: ['r'], keys: ['a', 'b', 'c'], view: { ...view, id: 'finer' } })
  await vi.advanceTimersByTimeAsync(200)
  expect(listen).toHaveBeenCalledTimes(2)
  expect(world.streams.size).toBe(1)
  follower.want({ runIds: [], keys: [], view })
  await vi.advanceTimersByTimeAsync(200)
  expect(world.streams.size).toBe(0)
})

test('after a disconnect the gap is filled from the cursors', async () => {
  const [world, page] = [new World(), new Page()]
  const follower = new Follower(world, page)
  world.log('r', 'loss', 1)
  follower.want({ runIds: ['r'], keys: ['loss'], view })
  await vi.advanceTimersByTimeAsync(200)
  world.cut()
  world.log('r', 'loss', 2, 3)
  world.deliver()
  world.restore()
  follower.reconnected()
  world.deliver()
  await vi.advanceTimersByTimeAsync(200)
  expect(page.drawn.get(nameOf('r', 'loss'))).toEqual([1, 2, 3])
  expect(page.snapshots).toBe(1)
})

test('a page opened while the server is away draws when it is back', async () => {
  const [world, page] = [new World(), new Page()]
  const follower = new Follower(world, page)
  world.log('r', 'loss', 1)
  world.cut()
  follower.want({ runIds: ['r'], keys: ['loss'], view })
  await vi.advanceTimersByTimeAsync(300)
  expect(page.error?.message).toBe('gone')
  world.restore()
  follower.reconnected()
  await vi.advanceTimersByTimeAsync(300)
  expect(page.error).toBeNull()
  expect(page.drawn.get(nameOf('r', 'loss'))).toEqual([1])
})

test('points behind a gap or in a reduced event bring a new snapshot', async () => {
  const [world, page] = [new World(), new Page()]
  const follower = new Follower(world, page)
  world.log('r', 'loss', 1)
  follower.want({ runIds: ['r'], keys: ['loss'], view })
  await vi.advanceTimersByTimeAsync(200)
  world.log('r', 'loss', 2, 3, 4)
  for (const stream of world.streams) stream.next([toDelta('r', 'loss', 3, [4])])
  expect(page.drawn.get(nameOf('r', 'loss'))).toEqual([1])
  await vi.advanceTimersByTimeAsync(1_200)
  expect(page.drawn.get(nameOf('r', 'loss'))).toEqual([1, 2, 3, 4])
  world.log('r', 'loss', 5, 6, 7)
  for (const stream of world.streams) {
    stream.next([{ ...toDelta('r', 'loss', 4, [5, 6, 7]), reduced: true }])
  }
  expect(page.drawn.get(nameOf('r', 'loss'))).toEqual([1, 2, 3, 4, 5, 6, 7])
  await vi.advanceTimersByTimeAsync(1_200)
  expect(page.snapshots).toBe(3)
})

test.each(Array.from({ length: 40 }, (_, seed) => seed + 1))(
  'whatever the order of events, each point is drawn once (seed %i)',
  async (seed) => {
    let state = seed
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const [world, page] = [new World(), new Page()]
    world.delay = () => random(120)
    const follower = new Follower(world, page)
    const [runs, keys] = [
      ['r1', 'r2'],
      ['a', 'b', 'c'],
    ]
    let viewNumber = 0
    let count = 0
    const want = (all: boolean) =>
      follower.want({
        runIds: all ? runs : runs.slice(0, 1 + random(2)),
        keys: all ? keys : keys.slice(0, 1 + random(3)),
        view: { ...view, id: `v${viewNumber}` },
      })
    for (let round = 0; round < 60; round++) {
      const what = random(9)
      if (what < 4) {
        const values = Array.from({ length: 1 + random(4) }, () => count++)
        world.log(runs[random(2)] ?? '', keys[random(3)] ?? '', ...values)
      } else if (what === 4) world.deliver(random(3))
      else if (what === 5) want(false)
      else if (what === 6) viewNumber++
      else if (what === 7) world.cut()
      else if (!world.up) {
        world.restore()
        follower.reconnected()
      }
      await vi.advanceTimersByTimeAsync(random(60))
    }
    if (!world.up) world.restore()
    follower.reconnected()
    want(true)
    await vi.advanceTimersByTimeAsync(5_000)
    world.deliver()
    await vi.advanceTimersByTimeAsync(5_000)
    for (const [name, log] of world.logs) expect(page.drawn.get(name)).toEqual(log)
    follower.stop()
  },
)
