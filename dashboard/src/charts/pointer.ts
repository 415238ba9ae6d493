// Where the pointer is, told to all charts of a page and to the rows beside them.

export interface Pointed {
  /** The x value under the crosshair. */
  x: number | null
  /** The metric whose chart the pointer is in. */
  key: string | null
  /** The run whose curve or row is lit. */
  runId: string | null
}

const NOWHERE: Pointed = { x: null, key: null, runId: null }

export class Pointer {
  at: Pointed = NOWHERE
  private readonly listeners = new Set<() => void>()

  move(next: Partial<Pointed>): void {
    const at = { ...this.at, ...next }
    if (at.x === this.at.x && at.key === this.at.key && at.runId === this.at.runId) return
    this.at = at
    for (const listener of [...this.listeners]) listener()
  }

  leave(): void {
    this.move(NOWHERE)
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
}
