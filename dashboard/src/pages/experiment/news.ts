// What the server tells while a table is looked at: the page that is in sight, or any run.
import { listen } from '#api/client.ts'
import { RunsFoundDocument, RunsTouchedDocument } from '#api/generated.ts'
import { orderOf, type Question, scopeOf } from './question.ts'

interface Told {
  /** Something came, went or moved: what is in sight is asked for again. */
  refresh(): void
  /** These are where they were and hold something else. */
  patch(ids: readonly string[]): void
  /** The ids of the first lines, as far as they are held. */
  ids(count: number): readonly string[]
  length(): number
  knows(id: string): boolean
}

// The server follows a page of up to 500 rows; deeper down every change of a run is looked at.
const [STEP, DEEPEST] = [100, 500]
// Between two looks at what changed.
const [FIRST_MS, NEXT_MS] = [60, 700]

export class News {
  private readonly told: Told
  private followed = ''
  private unfollow: (() => void) | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private lookedAt = 0
  private changed = new Set<string>()
  private isMoved = false

  constructor(told: Told) {
    this.told = told
  }

  want(question: Question, last: number): void {
    const first = Math.ceil((last + 1 + STEP / 2) / STEP) * STEP
    const isPage = first <= DEEPEST && !question.by.length && !question.isTree
    const { experimentId } = question
    const name = JSON.stringify(isPage ? [question, first] : experimentId)
    if (name === this.followed) return
    this.followed = name
    const before = this.unfollow
    this.unfollow = isPage ? this.followPage(question, first) : this.followRuns(experimentId)
    before?.()
  }

  stop(): void {
    clearTimeout(this.timer)
    this.unfollow?.()
  }

  private followPage(question: Question, first: number): () => void {
    return listen(
      RunsFoundDocument,
      () => ({ ...scopeOf(question), orderBy: orderOf(question), first }),
      {
        next: ({ runsFound }) => {
          const { ids, changed, left, hasNextPage } = runsFound
          // Lines that are not held yet will come as they are by then.
          const isSame = this.told.ids(first).every((id, at) => ids[at] === id)
          const isLong = !hasNextPage && ids.length !== this.told.length()
          if (!isSame || left.length || isLong) this.isMoved = true
          for (const { id } of changed) this.changed.add(id)
          this.plan()
        },
        failed: () => undefined,
      },
    )
  }

  private followRuns(experimentId: string): () => void {
    return listen(RunsTouchedDocument, () => ({ experimentIds: [experimentId] }), {
      next: ({ runsChanged }) => {
        this.isMoved = true
        for (const { id } of runsChanged.runs) this.changed.add(id)
        this.plan()
      },
      failed: () => undefined,
    })
  }

  private plan(): void {
    if (!this.isMoved && !this.changed.size) return
    if (this.timer !== undefined) return
    const wait = Math.max(FIRST_MS, this.lookedAt + NEXT_MS - Date.now())
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.lookedAt = Date.now()
      const changed = [...this.changed].filter((id) => this.told.knows(id))
      const { isMoved } = this
      this.changed.clear()
      this.isMoved = false
      if (isMoved) this.told.refresh()
      else if (changed.length) this.told.patch(changed)
    }, wait)
  }
}
