// The lines of a console that are held: pages around those in sight, and those that just came.

export interface Line {
  number: number
  time: number
  isError: boolean
  /** Which process of the run; empty for its first. */
  writer: string
  text: string
  /** Not ended: a progress bar, a prompt. */
  isOpen: boolean
}

/** Lines from `start` on, as columns. */
export interface Piece {
  start: number
  times: ArrayLike<number>
  streams: readonly (string | null)[]
  writers: readonly (string | null)[]
  texts: readonly (string | null)[]
}

export const PAGE = 1_000
// Pages that are held: some tens of megabytes at most, as lines are.
const KEPT = 80

export class LineBook {
  private readonly pages = new Map<number, Line[]>()

  at(number: number): Line | undefined {
    return this.pages.get(Math.floor(number / PAGE))?.[number % PAGE]
  }

  /** Lines that follow those of their page are kept; others are fetched when they are in sight. */
  add(piece: Piece): void {
    for (let index = 0; index < piece.texts.length; index++) {
      const number = piece.start + index
      const place = Math.floor(number / PAGE)
      let page = this.pages.get(place)
      if (!page) {
        if (number % PAGE !== 0) {
          index += PAGE - (number % PAGE) - 1
          continue
        }
        page = []
        this.pages.set(place, page)
      }
      if (number % PAGE > page.length) continue
      page[number % PAGE] = {
        number,
        time: piece.times[index] ?? 0,
        isError: piece.streams[index] === 'STDERR',
        writer: piece.writers[index] ?? '',
        text: piece.texts[index] ?? '',
        isOpen: false,
      }
    }
  }

  /** Pages of these lines that are not held as far as they go. */
  missing(first: number, last: number, total: number): number[] {
    const places: number[] = []
    for (let place = Math.floor(first / PAGE); place * PAGE < Math.min(last, total); place++) {
      const length = this.pages.get(place)?.length ?? 0
      if (length < Math.min(PAGE, total - place * PAGE)) places.push(place)
    }
    return places
  }

  /** Gives up what lies far from a line. */
  forget(around: number): void {
    if (this.pages.size <= KEPT) return
    const at = Math.floor(around / PAGE)
    const far = [...this.pages.keys()].sort((a, b) => Math.abs(b - at) - Math.abs(a - at))
    for (const place of far.slice(0, this.pages.size - KEPT)) this.pages.delete(place)
  }
}

/** The match before or after a line, around the ends; −1 where there is none. */
export function step(matches: readonly number[], from: number, by: 1 | -1): number {
  if (matches.length === 0) return -1
  if (by === 1) {
    const next = matches.findIndex((number) => number > from)
    return next < 0 ? 0 : next
  }
  const before = matches.findLastIndex((number) => number < from)
  return before < 0 ? matches.length - 1 : before
}
