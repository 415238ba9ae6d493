// The runs of a table: pages fetched as one scrolls, kept fresh by what the server tells.
import { ask, listen } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import {
  type RunRowFragment,
  RunRowsDocument,
  type RunStatus,
  RunsChangedDocument,
  RunsDocument,
} from '#api/generated.ts'
import { Painter } from '#live/painter.ts'
import type { ColumnKeys } from './columns.ts'
import { type Order, placeOf } from './order.ts'

export interface Wanted {
  search: string
  statuses: RunStatus[]
  order: Order
  keys: ColumnKeys
}

export interface Listed {
  rows: readonly RunRowFragment[]
  total: number
  hasMore: boolean
  /** False until the first page of what is wanted is there. */
  isReady: boolean
  error: ApiError | null
  /** Grows with each change. */
  version: number
}

const PAGE = 100
// What the server gives at most in one page.
const MOST = 500
const COUNT_MS = 1_000

export class RunList {
  state: Listed = { rows: [], total: 0, hasMore: false, isReady: false, error: null, version: 0 }
  private readonly experimentId: string
  private readonly listeners = new Set<() => void>()
  private readonly painter = new Painter(() => this.publish())
  private wanted: Wanted | null = null
  private cursor: string | null = null
  private turn = 0
  private isLoading = false
  private rows: RunRowFragment[] = []
  private index = new Map<string, number>()
  private readonly heardAt = new Map<string, number>()
  /** Rows whose values are of columns that are no longer the table's. */
  private outdated = new Set<string>()
  private stopListening: (() => void) | null = null
  private countTimer: ReturnType<typeof setTimeout> | undefined

  constructor(experimentId: string) {
    this.experimentId = experimentId
  }

  want(wanted: Wanted): void {
    const before = this.wanted
    this.wanted = wanted
    const sameRows = before && fingerprint(before) === fingerprint(wanted)
    const sameKeys = before && JSON.stringify(before.keys) === JSON.stringify(wanted.keys)
    if (!sameRows) void this.load(true)
    else if (!sameKeys) {
      this.outdated = new Set(this.rows.map((row) => row.id))
      this.painter.touch('rows')
    }
    if (!sameKeys) this.follow()
  }

  /** The next page, when there is one and none is on its way. */
  more(): void {
    if (this.state.hasMore && !this.isLoading) void this.load(false)
  }

  /** Fetches the values of new columns for the rows in sight. */
  async ensure(ids: readonly string[]): Promise<void> {
    const missing = ids.filter((id) => this.outdated.has(id))
    if (!missing.length || !this.wanted) return
    for (const id of missing) this.outdated.delete(id)
    const { keys } = this.wanted
    try {
      const { runsByIds } = await ask(RunRowsDocument, { ids: missing, ...keys })
      if (this.wanted.keys === keys) for (const row of runsByIds) this.replace(row)
    } catch (cause) {
      for (const id of missing) this.outdated.add(id)
      this.fail(cause)
    }
  }

  /** The server is back: what was missed is asked for. */
  reload(): void {
    if (this.wanted) void this.load(true, Math.min(MOST, Math.max(PAGE, this.rows.length)))
  }

  get(id: string): RunRowFragment | undefined {
    const at = this.index.get(id)
    return at === undefined ? undefined : this.rows[at]
  }

  indexOf(id: string): number {
    return this.index.get(id) ?? -1
  }

  /** When the server said what a row holds. */
  heard(id: string): number {
    return this.heardAt.get(id) ?? Date.now()
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  stop(): void {
    this.turn++
    this.stopListening?.()
    clearTimeout(this.countTimer)
    this.painter.stop()
  }

  private async load(anew: boolean, first = PAGE): Promise<void> {
    const { wanted } = this
    if (!wanted) return
    const turn = anew ? ++this.turn : this.turn
    this.isLoading = true
    try {
      const { runs } = await ask(RunsDocument, {
        ...this.filter(wanted),
        ...wanted.keys,
        first,
        after: anew ? null : this.cursor,
        count: anew,
      })
      if (turn !== this.turn) return
      if (anew) {
        this.rows = []
        this.index.clear()
        this.outdated.clear()
      }
      for (const row of runs.nodes) this.append(row)
      this.cursor = runs.pageInfo.endCursor ?? null
      const hasMore = runs.pageInfo.hasNextPage
      const total = runs.totalCount ?? Math.max(this.state.total, this.rows.length)
      this.state = { ...this.state, total, hasMore, isReady: true, error: null }
      this.painter.touch('rows')
    } catch (cause) {
      if (turn === this.turn) this.fail(cause)
    } finally {
      if (turn === this.turn) this.isLoading = false
    }
  }

  private filter(wanted: Wanted) {
    return {
      experimentIds: [this.experimentId],
      search: wanted.search || null,
      statuses: wanted.statuses.length ? wanted.statuses : null,
      ...wanted.order,
    }
  }

  private follow(): void {
    const before = this.stopListening
    this.stopListening = listen(
      RunsChangedDocument,
      () => ({
        experimentIds: [this.experimentId],
        ...(this.wanted?.keys ?? { metricKeys: [], paramKeys: [], tagKeys: [] }),
      }),
      {
        next: ({ runsChanged }) => {
          for (const run of runsChanged.runs) this.merge(run)
          this.painter.touch('rows')
        },
        failed: (error) => this.fail(error),
      },
    )
    before?.()
  }

  private merge(run: RunRowFragment): void {
    const { wanted } = this
    if (!wanted || !this.state.isReady) return
    if (this.index.has(run.id)) {
      if (run.lifecycle === 'DELETED') this.remove(run.id)
      else this.replace(run)
      return
    }
    if (run.lifecycle === 'DELETED') return
    this.recount()
    // Only the server knows whether it matches a search; its answer comes with the count.
    if (wanted.search || wanted.statuses.length) return
    const at = placeOf(run, this.rows, wanted.order)
    if (at === this.rows.length && this.state.hasMore) return
    this.rows.splice(at, 0, run)
    this.reindex(at)
    this.heardAt.set(run.id, Date.now())
    this.state = { ...this.state, total: Math.max(this.state.total, this.rows.length) }
  }

  private replace(run: RunRowFragment): void {
    const at = this.index.get(run.id)
    if (at === undefined) return
    this.rows[at] = run
    this.heardAt.set(run.id, Date.now())
    this.outdated.delete(run.id)
    this.painter.touch('rows')
  }

  private append(run: RunRowFragment): void {
    this.heardAt.set(run.id, Date.now())
    if (this.index.has(run.id)) {
      this.replace(run)
      return
    }
    this.index.set(run.id, this.rows.length)
    this.rows.push(run)
  }

  private remove(id: string): void {
    const at = this.index.get(id)
    if (at === undefined) return
    this.rows.splice(at, 1)
    this.index.delete(id)
    this.reindex(at)
    this.recount()
  }

  private reindex(from: number): void {
    for (let at = from; at < this.rows.length; at++) {
      const row = this.rows[at]
      if (row) this.index.set(row.id, at)
    }
  }

  private recount(): void {
    this.countTimer ??= setTimeout(async () => {
      this.countTimer = undefined
      const { wanted, turn } = this
      if (!wanted) return
      if (wanted.search || wanted.statuses.length) return void this.load(true)
      try {
        const none = { metricKeys: [], paramKeys: [], tagKeys: [] }
        const { runs } = await ask(RunsDocument, {
          ...this.filter(wanted),
          ...none,
          first: 1,
          count: true,
        })
        if (turn !== this.turn) return
        this.state = { ...this.state, total: runs.totalCount ?? this.state.total }
        this.painter.touch('rows')
      } catch (cause) {
        this.fail(cause)
      }
    }, COUNT_MS)
  }

  private fail(cause: unknown): void {
    this.state = { ...this.state, error: toApiError(cause) }
    this.painter.touch('rows')
  }

  private publish(): void {
    this.state = { ...this.state, rows: this.rows, version: this.state.version + 1 }
    for (const listener of [...this.listeners]) listener()
  }
}

function fingerprint({ search, statuses, order }: Wanted): string {
  return JSON.stringify([search, statuses, order])
}
