// Paces repaints: the first at once, then at most ten a second however much arrives.

export const PAINT_MS = 100

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

export class Painter {
  private readonly paint: (dirty: ReadonlySet<string>) => void
  private readonly clock: Clock
  private dirty = new Set<string>()
  private cancel: (() => void) | null = null
  private paintedAt = Number.NEGATIVE_INFINITY

  constructor(paint: (dirty: ReadonlySet<string>) => void, clock: Clock = browserClock) {
    this.paint = paint
    this.clock = clock
  }

  /** Asks for a repaint of what has this name. */
  touch(name: string): void {
    this.dirty.add(name)
    if (this.cancel) return
    const rest = this.paintedAt + PAINT_MS - this.clock.now()
    if (rest <= 0) {
      this.cancel = this.clock.frame(this.flush)
    } else {
      this.cancel = this.clock.later(() => {
        this.cancel = this.clock.frame(this.flush)
      }, rest)
    }
  }

  stop(): void {
    this.cancel?.()
    this.cancel = null
    this.dirty.clear()
  }

  private readonly flush = (): void => {
    this.cancel = null
    this.paintedAt = this.clock.now()
    const dirty = this.dirty
    this.dirty = new Set()
    this.paint(dirty)
  }
}
