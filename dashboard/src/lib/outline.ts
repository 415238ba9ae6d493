// A list whose items can be opened into lists of their own, numbered line by line.
import { Pages, type Source } from './pages.ts'

interface Identified {
  id: string
}

export interface Line<Item extends Identified> {
  list: Outline<Item>
  /** Its place in that list. */
  index: number
  /** Undefined while it is being fetched. */
  item: Item | undefined
  depth: number
  isOpen: boolean
}

interface Opened<Item extends Identified> {
  id: string
  index: number
  list: Outline<Item>
}

export class Outline<Item extends Identified> {
  readonly pages: Pages<Item>
  readonly depth: number
  private opened: Opened<Item>[] = []
  private readonly onChange: () => void
  /** What it likely holds, until that is known. */
  private readonly guess: number

  constructor(onChange: () => void, depth = 0, guess = 0) {
    this.onChange = onChange
    this.depth = depth
    this.guess = guess
    this.pages = new Pages(() => {
      this.settle()
      onChange()
    })
  }

  /** Lines of the list and of all that is open in it. */
  get length(): number {
    const own = this.pages.isReady ? this.pages.length : Math.max(this.pages.length, this.guess)
    return this.opened.reduce((sum, { list }) => sum + list.length, own)
  }

  line(number: number): Line<Item> {
    let index = number
    for (const { index: at, list } of this.opened) {
      if (index <= at) break
      const inner = index - at - 1
      if (inner < list.length) return list.line(inner)
      index -= list.length
    }
    const item = this.pages.at(index)
    const isOpen = item !== undefined && this.opened.some(({ id }) => id === item.id)
    return { list: this, index, item, depth: this.depth, isOpen }
  }

  /** The line on which an item stands; −1 where none is known to. */
  numberOf(id: string): number {
    const index = this.pages.indexOf(id)
    if (index >= 0) return this.numberAt(index)
    for (const { index: at, list } of this.opened) {
      const inner = list.numberOf(id)
      if (inner >= 0) return this.numberAt(at) + 1 + inner
    }
    return -1
  }

  look(first: number, last: number): void {
    const seen = new Map<Outline<Item>, [number, number]>()
    for (let number = first; number <= last; number++) {
      const { list, index } = this.line(number)
      const range = seen.get(list)
      if (range) range[1] = index
      else seen.set(list, [index, index])
    }
    for (const [list, [from, to]] of seen) list.pages.look(from, to)
  }

  open(index: number, source: Source<Item>, guess: number): void {
    const item = this.pages.at(index)
    if (!item || this.opened.some(({ id }) => id === item.id)) return
    const list = new Outline<Item>(this.onChange, this.depth + 1, guess)
    this.opened.push({ id: item.id, index, list })
    this.opened.sort((a, b) => a.index - b.index)
    list.pages.ask(source, true)
    this.onChange()
  }

  close(id: string): void {
    const at = this.opened.findIndex((each) => each.id === id)
    this.opened[at]?.list.stop()
    if (at >= 0) this.opened.splice(at, 1)
    this.onChange()
  }

  closeAll(): void {
    for (const { list } of this.opened) list.stop()
    this.opened = []
  }

  /** The lists that are open, with the items they belong to. */
  *inner(): Generator<[item: Item | undefined, list: Outline<Item>]> {
    for (const { index, list } of this.opened) yield [this.pages.at(index), list]
  }

  /** This list and all that are open in it. */
  *lists(): Generator<Outline<Item>> {
    yield this
    for (const { list } of this.opened) yield* list.lists()
  }

  stop(): void {
    this.closeAll()
    this.pages.stop()
  }

  private numberAt(index: number): number {
    return this.opened.reduce(
      (sum, { index: at, list }) => (at < index ? sum + list.length : sum),
      index,
    )
  }

  /** What is open follows its item, which may have moved, and goes with it. */
  private settle(): void {
    for (const each of this.opened) {
      const index = this.pages.indexOf(each.id)
      if (index >= 0) each.index = index
    }
    const gone = this.opened.filter(({ id, index }) => {
      const item = this.pages.at(index)
      return item ? item.id !== id : this.pages.isReady && index >= this.pages.length
    })
    for (const { list } of gone) list.stop()
    this.opened = this.opened.filter((each) => !gone.includes(each))
    this.opened.sort((a, b) => a.index - b.index)
  }
}
