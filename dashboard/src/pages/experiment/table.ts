// A table of runs or of groups of them: its lines, what is open, and what the server tells of them.
import { type ApiError, toApiError } from '#api/errors.ts'
import { Outline } from '#lib/outline.ts'
import { Painter } from '#live/painter.ts'
import { News } from './news.ts'
import {
  countRuns,
  fetchIds,
  fetchRows,
  groupSource,
  insideGroup,
  insideRun,
  type Question,
  runSource,
} from './question.ts'
import type { Item, Row } from './rows.ts'

export interface TableState {
  /** Lines, with those of what is open. */
  length: number
  /** Runs that are found; outermost ones in a tree; undefined while they are not counted. */
  found: number | undefined
  /** Of this many. */
  all: number | undefined
  isReady: boolean
  error: ApiError | null
  /** Grows when runs have changed. */
  changes: number
  /** Grows with each change. */
  version: number
}

// How often runs are counted that came where nobody looks.
const COUNT_MS = 10_000
// Rows of known runs that are fetched again at once.
const PATCHED = 300

export class RunTable {
  state: TableState = {
    length: 0,
    found: undefined,
    all: undefined,
    isReady: false,
    error: null,
    changes: 0,
    version: 0,
  }
  private outline: Outline<Item>
  private question: Question | null = null
  private columns: readonly string[] = []
  private sight: [number, number] = [0, 0]
  private readonly listeners = new Set<() => void>()
  private readonly painter = new Painter(() => this.publish())
  private readonly news: News
  private readonly clock = setInterval(() => {
    if (document.visibilityState === 'visible') void this.recount()
  }, COUNT_MS)
  private turn = 0

  constructor() {
    this.outline = new Outline<Item>(this.touch)
    this.news = new News({
      refresh: () => {
        this.state = { ...this.state, changes: this.state.changes + 1 }
        this.refresh()
      },
      patch: (ids) => {
        this.state = { ...this.state, changes: this.state.changes + 1 }
        void this.patch(ids)
      },
      ids: (count) => this.firstIds(count),
      length: () => this.outline.pages.length,
      knows: (id) => this.outline.numberOf(id) >= 0,
    })
  }

  want(question: Question, columns: readonly string[]): void {
    const before = this.question
    const isOther = JSON.stringify(before) !== JSON.stringify(question)
    this.columns = columns
    this.question = question
    if (isOther) {
      this.outline.closeAll()
      this.sight = [0, 0]
      if (before?.filter !== question.filter || before.isTree !== question.isTree) {
        this.state = { ...this.state, found: undefined }
      }
      this.recount()
    }
    this.outline.pages.ask(this.source(question), isOther)
    for (const list of this.outline.lists()) {
      for (const [item, inner] of list.inner()) {
        if (item) inner.pages.ask(this.source(this.inside(item)), false)
      }
    }
    this.news.want(question, this.sight[1])
  }

  get asked(): Question | null {
    return this.question
  }

  line(number: number) {
    return this.outline.line(number)
  }

  numberOf(id: string): number {
    return this.outline.numberOf(id)
  }

  run(id: string): Row | undefined {
    const number = this.numberOf(id)
    const item = number < 0 ? undefined : this.outline.line(number).item
    return item?.kind === 'run' ? item : undefined
  }

  /** The first of the runs that are held. */
  firstRuns(count: number): string[] {
    const ids: string[] = []
    for (let number = 0; number < this.outline.length && ids.length < count; number++) {
      const { item } = this.outline.line(number)
      if (!item) break
      if (item.kind === 'run') ids.push(item.id)
    }
    return ids
  }

  /** Whether any of the runs that are held may log something new. */
  get isMoving(): boolean {
    for (const item of this.outline.pages.held()) {
      if (item.kind === 'run' && item.status === 'RUNNING') return true
    }
    return false
  }

  /** These lines are in sight now. */
  look(first: number, last: number): void {
    this.sight = [first, last]
    this.outline.look(first, last)
    if (this.question) this.news.want(this.question, last)
  }

  toggle(number: number): void {
    const { list, index, item, isOpen } = this.outline.line(number)
    if (!item || !this.question) return
    if (isOpen) list.close(item.id)
    else {
      const count = item.kind === 'group' ? item.runs : item.children
      if (count > 0) list.open(index, this.source(this.inside(item)), count)
    }
    this.touch()
  }

  /** Ids of the runs on these lines, those that are not held included. */
  async idsBetween(from: number, to: number): Promise<string[]> {
    const ids: string[] = []
    for (let number = from; number <= to; number++) {
      const { list, index, item } = this.outline.line(number)
      if (item?.kind === 'run') ids.push(item.id)
      if (item || !this.question) continue
      // What is not held is asked for as far as it goes in one list.
      const question = this.questionOf(list)
      if (!question || question.by.length) continue
      let last = number
      while (last < to && sameGap(this.outline, list, last + 1)) last++
      ids.push(...(await fetchIds(question, index, index + last - number + 1)))
      number = last
    }
    return ids
  }

  async allIds(): Promise<string[]> {
    if (!this.question) return []
    const question = { ...this.question, by: [] }
    return fetchIds(question, 0, Number.MAX_SAFE_INTEGER)
  }

  refresh(): void {
    for (const list of this.outline.lists()) list.pages.refresh()
    this.recount()
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  stop(): void {
    this.turn++
    clearInterval(this.clock)
    this.news.stop()
    this.painter.stop()
    this.outline.stop()
    this.listeners.clear()
  }

  private source(question: Question) {
    if (!question.by.length) return runSource(question, this.columns)
    return groupSource(question, this.columns.filter(isMeasure))
  }

  private inside(item: Item): Question {
    const question = this.question as Question
    return item.kind === 'group' ? insideGroup(question, item) : insideRun(question, item)
  }

  private questionOf(wanted: Outline<Item>): Question | null {
    if (wanted === this.outline) return this.question
    for (const list of this.outline.lists()) {
      for (const [item, inner] of list.inner()) {
        if (inner === wanted && item) return this.inside(item)
      }
    }
    return null
  }

  private firstIds(count: number): string[] {
    const ids: string[] = []
    for (let index = 0; index < count; index++) {
      const item = this.outline.pages.at(index)
      if (!item) break
      ids.push(item.id)
    }
    return ids
  }

  private async patch(ids: readonly string[]): Promise<void> {
    const { turn, columns } = this
    try {
      const rows = await fetchRows(ids.slice(0, PATCHED), columns)
      if (turn !== this.turn || columns !== this.columns) return
      for (const row of rows) {
        row.children = this.run(row.id)?.children ?? 0
        for (const list of this.outline.lists()) list.pages.replace(row)
      }
      this.touch()
    } catch (cause) {
      this.fail(cause)
    }
  }

  private async recount(): Promise<void> {
    const { question } = this
    if (!question) return
    const turn = ++this.turn
    const everything = { ...question, filter: '', isTree: false, by: [] }
    const isAll = !question.filter && !question.isTree
    try {
      const [all, found] = await Promise.all([
        countRuns(everything),
        isAll ? null : countRuns({ ...question, by: [] }),
      ])
      if (turn !== this.turn) return
      this.state = { ...this.state, all, found: found ?? all }
      this.touch()
    } catch (cause) {
      if (turn === this.turn && this.state.found === undefined) this.fail(cause)
    }
  }

  private fail(cause: unknown): void {
    this.state = { ...this.state, error: toApiError(cause) }
    this.touch()
  }

  private readonly touch = (): void => this.painter.touch('table')

  private publish(): void {
    const { pages } = this.outline
    this.state = {
      ...this.state,
      length: this.outline.length,
      isReady: pages.isReady,
      error: pages.error ? toApiError(pages.error) : null,
      version: this.state.version + 1,
    }
    for (const listener of [...this.listeners]) listener()
  }
}

/** Fields whose mean and spread a group shows. */
export function isMeasure(field: string): boolean {
  return field.startsWith('metrics.') || field === 'duration'
}

function sameGap(outline: Outline<Item>, list: Outline<Item>, number: number): boolean {
  const next = outline.line(number)
  return next.list === list && next.item === undefined
}
