// A long list of which only the pages in sight are held: fetched by offset, given up unanswered
// when they are out of sight again.

export const PAGE = 100
// Pages kept around those in sight.
const KEPT = 30
// Where one jumps on and on, as with a scrollbar's thumb, nothing is asked for until it rests.
const [JUMP, REST_MS] = [60, 60]
// Rows before and behind those in sight that are fetched with them.
const [BEFORE, BEHIND] = [15, 40]

export interface Fetched<Item> {
  items: Item[]
  /** Where the list goes on; null at its end. */
  endCursor: string | null
  hasNext: boolean
}

export interface Source<Item> {
  /** By cursor where the page before is known, else by offset. */
  fetch(offset: number, after: string | null, signal: AbortSignal): Promise<Fetched<Item>>
  count(signal: AbortSignal): Promise<number>
}

interface Page<Item> extends Fetched<Item> {
  /** Of a question, or a state of the data, that is past: shown until it is replaced. */
  isStale: boolean
}

export class Pages<Item extends { id: string }> {
  /** How long the list is, as far as is known. */
  length = 0
  /** Whether the first page of what is asked now was answered. */
  isReady = false
  error: unknown = null
  private source: Source<Item> | null = null
  private readonly onChange: () => void
  private pages = new Map<number, Page<Item>>()
  private requests = new Map<number, AbortController>()
  private counting: AbortController | null = null
  private isCounted = false
  private sight: [first: number, last: number] = [0, 0]
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(onChange: () => void) {
    this.onChange = onChange
  }

  /** Another question: what is shown stays until its first page is there. */
  ask(source: Source<Item>, isOtherList: boolean): void {
    this.source = source
    this.giveUp()
    for (const page of this.pages.values()) page.isStale = true
    if (isOtherList) {
      this.isReady = false
      this.sight = [0, 0]
      this.count()
    }
    this.load()
  }

  /** What is in sight is asked for again; the rest when it comes into sight. */
  refresh(): void {
    for (const page of this.pages.values()) page.isStale = true
    this.giveUp()
    this.count()
    this.load()
  }

  at(index: number): Item | undefined {
    return this.pages.get(Math.floor(index / PAGE))?.items[index % PAGE]
  }

  /** The place of an item among the pages that are held; −1 where it is on none. */
  indexOf(id: string): number {
    for (const [number, page] of this.pages) {
      const at = page.items.findIndex((item) => item.id === id)
      if (at >= 0) return number * PAGE + at
    }
    return -1
  }

  *held(): Generator<Item> {
    for (const page of this.pages.values()) yield* page.items
  }

  /** Puts a newer item in the place of the one with its id. */
  replace(item: Item): boolean {
    for (const page of this.pages.values()) {
      const at = page.items.findIndex((each) => each.id === item.id)
      if (at < 0) continue
      page.items[at] = item
      return true
    }
    return false
  }

  /** These are in sight now. */
  look(first: number, last: number): void {
    const isJump = Math.abs(first - this.sight[0]) > JUMP
    this.sight = [first, Math.max(first, last)]
    const needed = this.needed()
    for (const [number, request] of this.requests) {
      if (needed.includes(number)) continue
      request.abort()
      this.requests.delete(number)
    }
    clearTimeout(this.timer)
    if (needed.every((number) => this.isFresh(number) || this.requests.has(number))) return
    if (isJump) this.timer = setTimeout(() => this.load(), REST_MS)
    else this.load()
  }

  stop(): void {
    clearTimeout(this.timer)
    this.giveUp()
    this.counting?.abort()
    this.source = null
  }

  private needed(): number[] {
    const first = Math.floor(Math.max(0, this.sight[0] - BEFORE) / PAGE)
    const last = Math.floor((this.sight[1] + BEHIND) / PAGE)
    const numbers: number[] = []
    for (let number = first; number <= last; number++) {
      if (number === 0 || number * PAGE < this.length || !this.isCounted) numbers.push(number)
    }
    return numbers
  }

  private isFresh(number: number): boolean {
    const page = this.pages.get(number)
    return page !== undefined && !page.isStale
  }

  private giveUp(): void {
    for (const request of this.requests.values()) request.abort()
    this.requests.clear()
  }

  private load(): void {
    for (const number of this.needed()) {
      if (!this.isFresh(number) && !this.requests.has(number)) void this.fetch(number)
    }
  }

  private async fetch(number: number): Promise<void> {
    const { source } = this
    if (!source) return
    const request = new AbortController()
    this.requests.set(number, request)
    const before = this.isFresh(number - 1) ? this.pages.get(number - 1) : undefined
    try {
      const page = await source.fetch(number * PAGE, before?.endCursor ?? null, request.signal)
      if (this.requests.get(number) !== request) return
      this.requests.delete(number)
      this.take(number, page)
    } catch (cause) {
      if (this.requests.get(number) !== request) return
      this.requests.delete(number)
      this.error = cause
      this.isReady = true
      this.onChange()
    }
  }

  private take(number: number, page: Fetched<Item>): void {
    if (!this.isReady) {
      this.pages.clear()
      this.length = this.isCounted ? this.length : 0
    }
    this.isReady = true
    this.error = null
    this.pages.set(number, { ...page, isStale: false })
    const end = number * PAGE + page.items.length
    if (!page.hasNext && page.items.length) this.length = end
    else if (number === 0 && !page.items.length) this.length = 0
    else if (!this.isCounted) this.length = Math.max(this.length, end + (page.hasNext ? 1 : 0))
    this.forget(number)
    this.onChange()
  }

  private forget(around: number): void {
    if (this.pages.size <= KEPT) return
    const far = [...this.pages.keys()].sort((a, b) => Math.abs(b - around) - Math.abs(a - around))
    for (const number of far.slice(0, this.pages.size - KEPT)) this.pages.delete(number)
  }

  private async count(): Promise<void> {
    const { source } = this
    if (!source) return
    this.counting?.abort()
    const request = new AbortController()
    this.counting = request
    if (!this.isReady) this.isCounted = false
    try {
      const length = await source.count(request.signal)
      if (this.counting !== request) return
      this.counting = null
      this.isCounted = true
      this.length = length
      this.onChange()
    } catch (cause) {
      if (this.counting !== request || !this.isReady) return
      this.error = cause
      this.onChange()
    }
  }
}
