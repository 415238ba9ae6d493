// A run's console as a page shows it: fetched by windows, followed live, searched and filtered.
import { ask, listen } from '#api/client.ts'
import { toApiError } from '#api/errors.ts'
import {
  ConsoleGrewDocument,
  ConsoleLinesDocument,
  type ConsoleLinesQuery,
  ConsoleMatchesDocument,
  type ConsoleMatchesQuery,
  type ConsoleStream,
} from '#api/generated.ts'
import { decodeIntegers, toInteger } from '#lib/columns.ts'
import { type Line, LineBook, PAGE } from './lines.ts'

export interface Filter {
  search: string
  stream: ConsoleStream | null
}

type Page = NonNullable<ConsoleLinesQuery['run']>['console']
type OpenLines = Page['open']

// While one flings through a console nothing is fetched until it rests; repaints a second.
const [REST_MS, PAINT_MS] = [60, 100]
const LARGEST = 5_000
// Matches that are counted, and filtered lines that are listed.
export const MOST_MATCHES = 20_000
const MOST_FILTERED = 100_000

export class ConsoleStore {
  readonly id: string
  total = 0
  dropped = 0
  open: Line[] = []
  isReady = false
  error: unknown = null
  version = 0
  /** Numbers of lines that match the search; null while nothing is searched. */
  matches: number[] | null = null
  isSearching = false
  /** The lines of a filter, as far as they are found; null without one. */
  filtered: Line[] | null = null
  isFiltering = false
  private readonly book = new LineBook()
  private readonly listeners = new Set<() => void>()
  private readonly loading = new Set<number>()
  private readonly stopped = new AbortController()
  private stopListening: (() => void) | null = null
  private painting: ReturnType<typeof setTimeout> | undefined
  private resting: ReturnType<typeof setTimeout> | undefined
  private searching: AbortController | null = null
  private filtering: AbortController | null = null
  private filter: Filter | null = null
  private needle = ''

  constructor(id: string) {
    this.id = id
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  async start(): Promise<void> {
    try {
      const page = await this.fetch({ from: null, first: PAGE })
      if (this.stopped.signal.aborted) return
      this.isReady = true
      this.take(page)
      this.error = null
      this.listen()
    } catch (cause) {
      if (this.stopped.signal.aborted) return
      this.error = toApiError(cause)
      setTimeout(() => this.stopped.signal.aborted || void this.start(), 3_000)
    }
    this.changed()
  }

  stop(): void {
    this.stopped.abort()
    this.searching?.abort()
    this.filtering?.abort()
    this.stopListening?.()
    clearTimeout(this.painting)
    clearTimeout(this.resting)
  }

  /** Rows that can be shown: the lines, then those that are not ended. */
  get count(): number {
    return (this.filtered?.length ?? this.total) + this.openShown.length
  }

  row(index: number): Line | undefined {
    const length = this.filtered?.length ?? this.total
    if (index >= length) return this.openShown[index - length]
    return this.filtered ? this.filtered[index] : this.book.at(index)
  }

  private get openShown(): Line[] {
    const { filter } = this
    if (!filter) return this.open
    const needle = filter.search.toLowerCase()
    return this.open.filter(
      (line) =>
        line.text.toLowerCase().includes(needle) &&
        (!filter.stream || (filter.stream === 'STDERR') === line.isError),
    )
  }

  /** These rows are in sight. */
  want(first: number, last: number): void {
    if (this.filtered) return
    clearTimeout(this.resting)
    this.resting = setTimeout(() => {
      this.book.forget(first)
      for (const place of this.book.missing(first, last, this.total)) void this.load(place)
    }, REST_MS)
  }

  private async load(place: number): Promise<void> {
    if (this.loading.has(place)) return
    this.loading.add(place)
    try {
      this.take(await this.fetch({ from: place * PAGE, first: PAGE }))
      this.error = null
    } catch (cause) {
      if (!this.stopped.signal.aborted) this.error = toApiError(cause)
    } finally {
      this.loading.delete(place)
      this.changed()
    }
  }

  private async fetch(asked: {
    from: number | null
    first: number
    search?: string
    stream?: ConsoleStream | null
    signal?: AbortSignal
  }): Promise<Page> {
    const { signal, ...rest } = asked
    const variables = { id: this.id, search: null, stream: null, ...rest }
    const { run } = await ask(ConsoleLinesDocument, variables, signal ?? this.stopped.signal)
    if (!run) throw new Error(`There is no run ${this.id}.`)
    return run.console
  }

  private take(page: Page): void {
    this.grow(toInteger(page.total), page.open)
    this.dropped = toInteger(page.dropped)
    this.book.add({
      start: decodeIntegers(page.numbers)[0] ?? 0,
      times: decodeIntegers(page.times),
      streams: page.streams,
      writers: page.writers,
      texts: page.texts,
    })
  }

  private grow(total: number, open: OpenLines): void {
    this.total = Math.max(this.total, total)
    this.open = open.map((line, index) => ({
      number: this.total + index,
      time: toInteger(line.time),
      isError: line.stream === 'STDERR',
      writer: line.writer,
      text: line.text,
      isOpen: true,
    }))
  }

  private listen(): void {
    this.stopListening?.()
    this.stopListening = listen(
      ConsoleGrewDocument,
      () => ({ runId: this.id, after: this.total }),
      {
        next: ({ consoleGrew: grown }) => {
          const before = this.total
          this.book.add({
            start: toInteger(grown.first),
            times: decodeIntegers(grown.times),
            streams: grown.streams,
            writers: grown.writers,
            texts: grown.texts,
          })
          this.grow(toInteger(grown.next), grown.open)
          if (this.total > before) this.searchOn(before)
          this.changed()
        },
        failed: (error) => {
          this.error = error
          this.changed()
        },
      },
    )
  }

  /** New lines are looked through as well. */
  private searchOn(from: number): void {
    if (this.needle && !this.isSearching) void this.walkMatches(this.needle, from)
    if (this.filter && !this.isFiltering) void this.walkFiltered(this.filter, from)
  }

  search(needle: string): void {
    this.searching?.abort()
    this.needle = needle
    this.matches = needle ? [] : null
    this.isSearching = false
    if (needle) void this.walkMatches(needle, 0)
    this.changed()
  }

  private async walkMatches(needle: string, start: number): Promise<void> {
    const walk = new AbortController()
    this.searching = walk
    this.isSearching = true
    let from: number | null = start
    try {
      while (from !== null && this.matches && this.matches.length < MOST_MATCHES) {
        const variables = { id: this.id, from, first: LARGEST, search: needle }
        const found: ConsoleMatchesQuery = await ask(ConsoleMatchesDocument, variables, walk.signal)
        const { run } = found
        if (walk.signal.aborted || !run) return
        const numbers = decodeIntegers(run.console.numbers)
        for (const number of numbers)
          if (number > (this.matches.at(-1) ?? -1)) this.matches.push(number)
        from = run.console.next == null ? null : toInteger(run.console.next)
        this.changed()
      }
    } catch (cause) {
      if (!walk.signal.aborted) this.error = toApiError(cause)
    } finally {
      if (this.searching === walk) {
        this.isSearching = false
        this.changed()
      }
    }
  }

  /** Only lines that a filter lets through; null shows all again. */
  show(filter: Filter | null): void {
    this.filtering?.abort()
    this.filter = filter
    this.filtered = filter ? [] : null
    this.isFiltering = false
    if (filter) void this.walkFiltered(filter, 0)
    this.changed()
  }

  private async walkFiltered(filter: Filter, start: number): Promise<void> {
    const walk = new AbortController()
    this.filtering = walk
    this.isFiltering = true
    try {
      for await (const lines of this.pages(filter, start, walk.signal)) {
        if (walk.signal.aborted || !this.filtered) return
        const last = this.filtered.at(-1)?.number ?? -1
        this.filtered = this.filtered.concat(lines.filter((line) => line.number > last))
        this.changed()
        if (this.filtered.length >= MOST_FILTERED) return
      }
    } catch (cause) {
      if (!walk.signal.aborted) this.error = toApiError(cause)
    } finally {
      if (this.filtering === walk) {
        this.isFiltering = false
        this.changed()
      }
    }
  }

  /** All lines from one on, page by page. */
  async *pages(filter: Filter, start: number, signal: AbortSignal): AsyncGenerator<Line[]> {
    let from: number | null = start
    while (from !== null) {
      const page: Page = await this.fetch({ from, first: LARGEST, ...filter, signal })
      const numbers = decodeIntegers(page.numbers)
      const times = decodeIntegers(page.times)
      yield page.texts.map((text, index) => ({
        number: numbers[index] ?? 0,
        time: times[index] ?? 0,
        isError: page.streams[index] === 'STDERR',
        writer: page.writers[index] ?? '',
        text: text ?? '',
        isOpen: false,
      }))
      from = page.next == null ? null : toInteger(page.next)
    }
  }

  private changed(): void {
    this.painting ??= setTimeout(() => {
      this.painting = undefined
      this.version++
      for (const listener of [...this.listeners]) listener()
    }, PAINT_MS)
  }
}
