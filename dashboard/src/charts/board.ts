// What the charts of one page show: their runs, their series, and who is to repaint.

import { twins } from '#lib/palette.ts'
import type { ChartView } from '#lib/view.ts'
import {
  type Curve,
  type Delta,
  Follower,
  nameOf,
  type Sink,
  type Source,
  type View,
} from '#live/follow.ts'
import { Painter } from '#live/painter.ts'
import { server } from '#live/server.ts'
import type { StatusName } from '#ui/Status.tsx'
import { Pointer } from './pointer.ts'
import { Series } from './series.ts'

export interface ChartRun {
  id: string
  name: string
  status: StatusName
  /** Unix milliseconds. */
  start: number
}

// Raw live points beyond this many times the pixels are reduced again by the server.
const APPENDED_PER_PIXEL = 2
// Series kept of charts that were scrolled away.
const KEPT = 2_000

export class Board implements Sink {
  readonly pointer = new Pointer()
  runs: readonly ChartRun[] = []
  error: Error | null = null
  private view: ChartView | null = null
  private asked: View | null = null
  private pixels = 512
  private starts = new Map<string, number>()
  private marks = new Map<string, number>()
  private readonly series = new Map<string, Series | null>()
  private readonly shown = new Map<string, number>()
  private readonly listeners = new Map<string, Set<() => void>>()
  private readonly troubled = new Set<() => void>()
  private readonly painter = new Painter((dirty) => this.paint(dirty))
  private readonly follower: Follower

  constructor(source: Source = server) {
    this.follower = new Follower(source, this)
    boards.add(this)
  }

  configure(runs: readonly ChartRun[], view: ChartView): void {
    this.runs = runs
    this.view = view
    this.starts = new Map(runs.map((run) => [run.id, run.start]))
    this.marks = twins(runs.map((run) => run.id))
    this.want()
    for (const key of this.shown.keys()) this.painter.touch(key)
  }

  /** A card of this metric came into sight; the answer takes it out again. */
  show(key: string, width: number): () => void {
    const pixels = Math.min(4096, Math.max(256, Math.ceil(width / 256) * 256))
    if (this.shown.size === 0 || pixels > this.pixels) this.pixels = pixels
    this.shown.set(key, (this.shown.get(key) ?? 0) + 1)
    this.want()
    return () => {
      const count = (this.shown.get(key) ?? 1) - 1
      if (count) this.shown.set(key, count)
      else this.shown.delete(key)
      this.want()
    }
  }

  /** The series; null when the run has none of this metric, undefined while that is not known. */
  get(runId: string, key: string): Series | null | undefined {
    return this.series.get(nameOf(runId, key))
  }

  /** Which of the runs of its colour a run is: 0 is drawn solid, the others dashed. */
  twin(runId: string): number {
    return this.marks.get(runId) ?? 0
  }

  /** What a chart asks the server for: the variables of its query. */
  request(): View | null {
    return this.asked
  }

  onPaint(key: string, listener: () => void): () => void {
    const listeners = this.listeners.get(key) ?? new Set()
    listeners.add(listener)
    this.listeners.set(key, listeners)
    return () => listeners.delete(listener)
  }

  readonly onTrouble = (listener: () => void): (() => void) => {
    this.troubled.add(listener)
    return () => this.troubled.delete(listener)
  }

  reconnected(): void {
    this.follower.reconnected()
  }

  stop(): void {
    boards.delete(this)
    this.follower.stop()
    this.painter.stop()
  }

  snapshot(runId: string, key: string, curve: Curve | null, view: View): void {
    const axis = this.view?.x ?? 'step'
    this.series.set(
      nameOf(runId, key),
      curve &&
        new Series(
          curve,
          { axis, start: this.starts.get(runId) ?? 0 },
          view.smoothing,
          view.rangeOf(runId),
        ),
    )
    this.painter.touch(key)
  }

  append(delta: Delta): void {
    const { runId, key } = delta
    const series = this.series.get(nameOf(runId, key))
    if (!series) {
      const view = this.asked
      if (view) this.snapshot(runId, key, emptyCurve(delta, view), view)
    }
    const target = this.series.get(nameOf(runId, key))
    if (!target) return
    const faithful = target.append(delta)
    if (!faithful || target.appended > APPENDED_PER_PIXEL * this.pixels) {
      this.follower.refresh(runId, key)
    }
    this.painter.touch(key)
  }

  trouble(error: Error | null): void {
    if (error === this.error) return
    this.error = error
    for (const listener of [...this.troubled]) listener()
  }

  private want(): void {
    const { view } = this
    if (!view) return
    const runIds = this.runs.map((run) => run.id)
    const keys = [...this.shown.keys()]
    const id = JSON.stringify([view.x, view.smooth, view.zoom, this.pixels])
    if (this.asked?.id !== id) this.asked = this.toView(view, id)
    this.follower.want({ runIds, keys, view: this.asked })
    if (this.series.size > KEPT) this.forget(new Set(runIds))
  }

  private toView(view: ChartView, id: string): View {
    const { zoom, x } = view
    return {
      id,
      axis: x === 'step' ? 'STEP' : 'TIME',
      pixels: this.pixels,
      smoothing: view.smooth,
      rangeOf: (runId) => {
        if (!zoom) return null
        const [from, to] = zoom
        if (x !== 'relative') return { start: Math.ceil(from), end: Math.floor(to) }
        const start = this.starts.get(runId) ?? 0
        return { start: Math.ceil(start + from * 1000), end: Math.floor(start + to * 1000) }
      },
    }
  }

  private forget(runIds: ReadonlySet<string>): void {
    for (const [name, series] of this.series) {
      const kept = series && runIds.has(series.runId) && this.shown.has(series.key)
      if (!kept) this.series.delete(name)
    }
  }

  private paint(dirty: ReadonlySet<string>): void {
    for (const key of dirty) {
      for (const listener of [...(this.listeners.get(key) ?? [])]) listener()
    }
  }
}

function emptyCurve(delta: Delta, view: View): Curve {
  const none = () => new Float64Array(0)
  return {
    runId: delta.runId,
    key: delta.key,
    axis: view.axis,
    bucketWidth: 1,
    totalInRange: 0,
    total: delta.offset,
    nextOffset: delta.offset,
    offsets: none(),
    steps: none(),
    times: none(),
    values: none(),
    smoothed: view.smoothing > 0 ? none() : null,
  }
}

const boards = new Set<Board>()

declare global {
  interface Window {
    /** For tests and consoles: the columns of a drawn series, as README.md describes. */
    __trackql?: typeof inspect
  }
}

const inspect = {
  /** The drawn points of a series, sorted by x; null when no chart shows it. */
  chart(runId: string, key: string) {
    for (const board of boards) {
      const series = board.get(runId, key)
      if (!series) continue
      return {
        steps: [...series.steps],
        times: [...series.times],
        values: [...series.values],
        shown: [...series.shown],
        total: series.total,
      }
    }
    return null
  },
}

if (typeof window !== 'undefined') window.__trackql = inspect
