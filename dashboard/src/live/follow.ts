// Follows series: what changes while the snapshot is fetched is queued, then replayed, and from
// there on every point arrives exactly once. A point's offset in its series is what tells.

/** How curves are asked for; `id` tells two views apart. */
export interface View {
  id: string
  axis: 'STEP' | 'TIME'
  pixels: number
  smoothing: number
  /** The range of the axis to fetch for a run, both ends included. */
  rangeOf(runId: string): { start: number; end: number } | null
}

export interface Wanted {
  runIds: readonly string[]
  keys: readonly string[]
  view: View
}

/** A snapshot: the reduced points of a series, and where to go on. */
export interface Curve {
  runId: string
  key: string
  axis: 'STEP' | 'TIME' | 'OFFSET'
  bucketWidth: number
  totalInRange: number
  total: number
  nextOffset: number
  offsets: Float64Array
  steps: Float64Array
  times: Float64Array
  values: Float64Array
  smoothed: Float64Array | null
}

/** Points appended to a series, in their order. */
export interface Delta {
  runId: string
  key: string
  offset: number
  nextOffset: number
  reduced: boolean
  steps: Float64Array
  times: Float64Array
  values: Float64Array
}

export interface Cursor {
  runId: string
  key: string
  offset: number
}

export interface Subscribed {
  runIds: string[]
  keys: string[]
  /** Asked for at each connection: the stream then resumes where the page stands. */
  after(): Cursor[]
}

export interface Source {
  curves(runIds: string[], keys: string[], view: View): Promise<Curve[]>
  listen(
    wanted: Subscribed,
    next: (series: Delta[]) => void,
    failed: (error: Error) => void,
  ): () => void
}

export interface Sink {
  /** A series as it stands; null when it has no points yet. */
  snapshot(runId: string, key: string, curve: Curve | null, view: View): void
  append(delta: Delta): void
  /** The newest trouble in fetching or listening; null when it is over. */
  trouble(error: Error | null): void
}

interface Pair {
  runId: string
  key: string
  /** The offset of the next point; −1 until the first snapshot. */
  next: number
  /** The view of the last snapshot, and of the one on its way. */
  view: string
  fetching: string
  stale: boolean
  queue: Delta[]
}

// Cards that come into sight together are asked for together.
const BATCH_MS = 8
const REFRESH_MS = 1_000
// Pairs of run and key in one request: the first charts come soon, and the reply stays small.
const PAIRS = 120
const REQUESTS = 3
const QUEUE = 2_000

export class Follower {
  private readonly source: Source
  private readonly sink: Sink
  private wanted: Wanted | null = null
  private readonly pairs = new Map<string, Pair>()
  private covered = new Set<string>()
  private stopListening: (() => void) | null = null
  private requests = 0
  private failures = 0
  private pumpTimer: ReturnType<typeof setTimeout> | undefined
  private refreshTimer: ReturnType<typeof setTimeout> | undefined
  private stopped = false

  constructor(source: Source, sink: Sink) {
    this.source = source
    this.sink = sink
  }

  /** From now on these series are followed, and no others. */
  want(wanted: Wanted): void {
    this.wanted = wanted
    const names = new Set<string>()
    for (const runId of wanted.runIds) {
      for (const key of wanted.keys) {
        const name = nameOf(runId, key)
        names.add(name)
        if (!this.pairs.has(name)) {
          this.pairs.set(name, {
            runId,
            key,
            next: -1,
            view: '',
            fetching: '',
            stale: false,
            queue: [],
          })
        }
      }
    }
    for (const name of this.pairs.keys()) if (!names.has(name)) this.pairs.delete(name)
    this.later(BATCH_MS)
  }

  /** Fetches the snapshot of a series anew, at most once a second. */
  refresh(runId: string, key: string): void {
    const pair = this.pairs.get(nameOf(runId, key))
    if (!pair || pair.stale) return
    pair.stale = true
    this.refreshTimer ??= setTimeout(() => {
      this.refreshTimer = undefined
      this.pump()
    }, REFRESH_MS)
  }

  /** The server is back: what failed is fetched again; the stream has resumed by its cursors. */
  reconnected(): void {
    this.failures = 0
    this.later(0)
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.pumpTimer)
    clearTimeout(this.refreshTimer)
    this.stopListening?.()
    this.stopListening = null
    this.pairs.clear()
  }

  private later(ms: number): void {
    clearTimeout(this.pumpTimer)
    this.pumpTimer = setTimeout(() => this.pump(), ms)
  }

  private pump(): void {
    const wanted = this.wanted
    if (!wanted || this.stopped) return
    const { view } = wanted
    for (const { runIds, keys } of this.due(view)) {
      if (this.requests >= REQUESTS) break
      void this.fetch(runIds, keys, view)
    }
    if (this.requests === 0) this.relisten(wanted)
  }

  /** What has no snapshot of this view, as requests of runs by keys. */
  private due(view: View): { runIds: string[]; keys: string[] }[] {
    const byKey = new Map<string, string[]>()
    for (const pair of this.pairs.values()) {
      const fresh = pair.view === view.id && (!pair.stale || this.refreshTimer !== undefined)
      if (fresh || pair.fetching === view.id) continue
      const runIds = byKey.get(pair.key)
      if (runIds) runIds.push(pair.runId)
      else byKey.set(pair.key, [pair.runId])
    }
    const requests: { runIds: string[]; keys: string[]; name: string }[] = []
    for (const [key, runIds] of byKey) {
      const name = runIds.join()
      const last = requests.findLast((each) => each.name === name)
      if (last && (last.keys.length + 1) * runIds.length <= PAIRS) last.keys.push(key)
      else requests.push({ runIds, keys: [key], name })
    }
    return requests
  }

  private async fetch(runIds: string[], keys: string[], view: View): Promise<void> {
    const asked: { pair: Pair; next: number }[] = []
    for (const runId of runIds) {
      for (const key of keys) {
        const pair = this.pairs.get(nameOf(runId, key))
        if (!pair) continue
        pair.fetching = view.id
        pair.stale = false
        asked.push({ pair, next: pair.next })
      }
    }
    this.requests++
    try {
      const curves = await this.source.curves(runIds, keys, view)
      if (this.stopped) return
      this.failures = 0
      this.sink.trouble(null)
      const found = new Map(curves.map((curve) => [nameOf(curve.runId, curve.key), curve]))
      for (const { pair, next } of asked) this.install(pair, found, view, next)
    } catch (cause) {
      if (this.stopped) return
      for (const { pair } of asked) {
        if (pair.fetching === view.id) pair.fetching = ''
        this.replay(pair)
      }
      this.sink.trouble(cause instanceof Error ? cause : new Error(String(cause)))
      this.failures++
    } finally {
      this.requests--
      if (!this.stopped) this.later(this.failures ? Math.min(10_000, 500 * 2 ** this.failures) : 0)
    }
  }

  private install(pair: Pair, found: Map<string, Curve>, view: View, next: number): void {
    if (pair.fetching !== view.id) return
    pair.fetching = ''
    const name = nameOf(pair.runId, pair.key)
    if (this.pairs.get(name) !== pair) return
    const curve = found.get(name) ?? null
    const reached = curve?.nextOffset ?? 0
    if (reached < next) {
      // A snapshot from before what is already drawn, as a lagging replica gives: ask again.
      this.replay(pair)
      this.refresh(pair.runId, pair.key)
      return
    }
    pair.view = view.id
    pair.next = reached
    this.sink.snapshot(pair.runId, pair.key, curve, view)
    this.replay(pair)
  }

  private replay(pair: Pair): void {
    const queue = pair.queue
    pair.queue = []
    if (pair.next >= 0) for (const delta of queue) this.apply(pair, delta)
  }

  private readonly arrived = (series: Delta[]): void => {
    for (const delta of series) {
      const pair = this.pairs.get(nameOf(delta.runId, delta.key))
      if (!pair) continue
      if (pair.next >= 0 && !pair.fetching) this.apply(pair, delta)
      else if (pair.queue.length < QUEUE) pair.queue.push(delta)
    }
  }

  private apply(pair: Pair, delta: Delta): void {
    if (delta.nextOffset <= pair.next) return
    const known = pair.next - delta.offset
    if (known < 0 || (known > 0 && delta.reduced)) {
      this.refresh(pair.runId, pair.key)
      return
    }
    pair.next = delta.nextOffset
    this.sink.append(
      known === 0
        ? delta
        : {
            ...delta,
            offset: delta.offset + known,
            steps: delta.steps.subarray(known),
            times: delta.times.subarray(known),
            values: delta.values.subarray(known),
          },
    )
    if (delta.reduced) this.refresh(pair.runId, pair.key)
  }

  /** One subscription for all: begun anew only when what is wanted has changed. */
  private relisten(wanted: Wanted): void {
    const known = [...this.pairs.values()].filter((pair) => pair.next >= 0)
    const unknown = new Set(
      [...this.pairs.values()].filter((pair) => pair.next < 0).map((pair) => pair.key),
    )
    // A key without its cursor would be sent from its beginning.
    const keys = wanted.keys.filter((key) => !unknown.has(key))
    const names = new Set(
      known.filter((pair) => !unknown.has(pair.key)).map((pair) => nameOf(pair.runId, pair.key)),
    )
    if (names.size === this.covered.size && [...names].every((name) => this.covered.has(name))) {
      return
    }
    const before = this.stopListening
    this.covered = names
    this.stopListening =
      names.size === 0
        ? null
        : this.source.listen(
            { runIds: [...wanted.runIds], keys, after: () => this.cursors(names) },
            this.arrived,
            (error) => this.sink.trouble(error),
          )
    before?.()
  }

  private cursors(names: ReadonlySet<string>): Cursor[] {
    const cursors: Cursor[] = []
    for (const name of names) {
      const pair = this.pairs.get(name)
      if (pair) cursors.push({ runId: pair.runId, key: pair.key, offset: Math.max(0, pair.next) })
    }
    return cursors
  }
}

export function nameOf(runId: string, key: string): string {
  return `${runId}\n${key}`
}
