// Paces repaints: the first at once, then at most ten a second however much arrives.

export const PAINT_MS = 100
// A frame may follow its request this much later: that much less is left to rest after it.
const FRAME_MS = 17
// A repaint that is due waits for news that is expected this soon, or this much overdue.
const SOON_MS = 20
const LATE_MS = 12
// News of one message comes in one go.
const SAME_MS = 4

export interface Clock {
  now(): number
  later(work: () => void, ms: number): () => void
  /** Before the browser next draws. */
  frame(work: () => void): () => void
}

export const browserClock: Clock = {
  now: () => performance.now(),
  later: (work, ms) => {
    const timer = setTimeout(work, ms)
    return () => clearTimeout(timer)
  },
  frame: (work) => {
    const request = requestAnimationFrame(work)
    return () => cancelAnimationFrame(request)
  },
}

/**
 * Between two repaints of a steady stream some news has to wait. Painting in step with the stream,
 * right after news and not right before it, makes that wait short.
 */
export class Painter {
  private readonly paint: (dirty: ReadonlySet<string>) => void
  private readonly clock: Clock
  private dirty = new Set<string>()
  private cancel: (() => void) | null = null
  private isFramed = false
  /** Before this no repaint is asked for. */
  private due = Number.NEGATIVE_INFINITY
  private heardAt = Number.NEGATIVE_INFINITY
  /** How far apart news comes, lately. */
  private interval = Number.POSITIVE_INFINITY

  constructor(paint: (dirty: ReadonlySet<string>) => void, clock: Clock = browserClock) {
    this.paint = paint
    this.clock = clock
  }

  /** Asks for a repaint of what has this name. */
  touch(name: string): void {
    const now = this.clock.now()
    this.hear(now)
    this.dirty.add(name)
    if (this.isFramed) return
    if (now >= this.due) this.request()
    else this.cancel ??= this.clock.later(this.ripe, this.due - now)
  }

  stop(): void {
    this.cancel?.()
    this.cancel = null
    this.isFramed = false
    this.dirty.clear()
  }

  private hear(now: number): void {
    const gap = now - this.heardAt
    if (gap < SAME_MS) return
    this.heardAt = now
    this.interval = this.interval < 1000 ? this.interval * 0.7 + gap * 0.3 : gap
  }

  private readonly ripe = (): void => {
    const wait = this.heardAt + this.interval - this.clock.now()
    const isSoon = this.interval > SOON_MS && wait <= SOON_MS && wait > -LATE_MS
    if (isSoon) this.cancel = this.clock.later(this.request, wait + LATE_MS)
    else this.request()
  }

  private readonly request = (): void => {
    this.cancel?.()
    this.due = this.clock.now() + PAINT_MS
    this.isFramed = true
    this.cancel = this.clock.frame(this.flush)
  }

  private readonly flush = (): void => {
    this.cancel = null
    this.isFramed = false
    this.due = Math.max(this.due, this.clock.now() + PAINT_MS - FRAME_MS)
    const dirty = this.dirty
    this.dirty = new Set()
    this.paint(dirty)
  }
}
