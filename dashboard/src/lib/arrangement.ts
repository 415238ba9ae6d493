// How a person has arranged the charts of an experiment: which are pinned, in what order the
// others stand, and how large each is. Only what differs from the default is kept.
import { byName, type Section } from './sections.ts'

export interface Size {
  /** Of the grid. */
  columns: number
  /** Of the grid, each as high as ROW_PX and a gap. */
  rows: number
}

export interface Arrangement {
  pinned: readonly string[]
  /** The keys of a section that stand first, in their order; the others follow by name. */
  order: ReadonlyMap<string, readonly string[]>
  sizes: ReadonlyMap<string, Size>
}

export const TIDY: Arrangement = { pinned: [], order: new Map(), sizes: new Map() }
export const DEFAULT_SIZE: Size = { columns: 1, rows: 4 }
/** A name that no prefix of a key can be. */
export const PINNED = '/pinned'

const [LEAST_ROWS, MOST_ROWS, MOST_COLUMNS] = [3, 20, 12]

export function isTidy({ pinned, order, sizes }: Arrangement): boolean {
  return pinned.length === 0 && order.size === 0 && sizes.size === 0
}

/** The sections as arranged, what is pinned in one of its own before all others. */
export function arrange(sections: readonly Section[], arrangement: Arrangement): Section[] {
  const all = new Set(sections.flatMap((section) => section.keys))
  const pinned = arrangement.pinned.filter((key) => all.has(key))
  const apart = new Set(pinned)
  const others = sections.map(({ name, keys }) => {
    const here = new Set(keys)
    const order = ordered(arrangement.order.get(name), keys)
    return { name, keys: order.filter((key) => here.has(key) && !apart.has(key)) }
  })
  return [{ name: PINNED, keys: pinned }, ...others].filter((section) => section.keys.length > 0)
}

export interface Move {
  key: string
  target: string
  side: 'before' | 'after'
}

/** A chart beside another of its section; `section` as arranged, all of it. */
export function move(arrangement: Arrangement, section: Section, move: Move): Arrangement {
  const { key, target, side } = move
  if (key === target) return arrangement
  const isPinned = section.name === PINNED
  const before = isPinned ? arrangement.pinned : arrangement.order.get(section.name)
  const list = ordered(before, section.keys).filter((each) => each !== key)
  const at = list.indexOf(target)
  if (at < 0) return arrangement
  list.splice(side === 'before' ? at : at + 1, 0, key)
  if (isPinned) return { ...arrangement, pinned: list }
  const order = new Map(arrangement.order)
  let kept = list.length - 1
  while (kept > 0 && byName(list[kept - 1] ?? '', list[kept] ?? '') <= 0) kept--
  if (kept > 0) order.set(section.name, list.slice(0, kept))
  else order.delete(section.name)
  return { ...arrangement, order }
}

export function pin(arrangement: Arrangement, key: string): Arrangement {
  const { pinned } = arrangement
  const isPinned = pinned.includes(key)
  return {
    ...arrangement,
    pinned: isPinned ? pinned.filter((each) => each !== key) : [...pinned, key],
  }
}

export function resize(arrangement: Arrangement, key: string, size: Size): Arrangement {
  const sizes = new Map(arrangement.sizes)
  const { columns, rows } = bounded(size)
  if (columns === DEFAULT_SIZE.columns && rows === DEFAULT_SIZE.rows) sizes.delete(key)
  else sizes.set(key, { columns, rows })
  return { ...arrangement, sizes }
}

/** What a browser remembered; what makes no sense of it is left out. */
export function parseArrangement(text: string | null): Arrangement {
  let raw: unknown
  try {
    raw = JSON.parse(text ?? '')
  } catch {
    return TIDY
  }
  if (typeof raw !== 'object' || raw === null) return TIDY
  const { pinned, order, sizes } = raw as Record<string, unknown>
  return {
    pinned: texts(pinned),
    order: new Map(pairs(order).map(([name, keys]) => [name, texts(keys)])),
    sizes: new Map(
      pairs(sizes).flatMap(([key, size]) => {
        const [columns, rows] = Array.isArray(size) ? size.map(Number) : []
        if (!Number.isFinite(columns) || !Number.isFinite(rows)) return []
        return [[key, bounded({ columns: columns ?? 1, rows: rows ?? 4 })] as const]
      }),
    ),
  }
}

export function packArrangement({ pinned, order, sizes }: Arrangement): string {
  return JSON.stringify({
    pinned,
    order: [...order],
    sizes: [...sizes].map(([key, { columns, rows }]) => [key, [columns, rows]]),
  })
}

function ordered(first: readonly string[] = [], keys: readonly string[]): string[] {
  const known = new Set(first)
  return [...first, ...keys.filter((key) => !known.has(key))]
}

function bounded({ columns, rows }: Size): Size {
  return {
    columns: Math.min(MOST_COLUMNS, Math.max(1, Math.round(columns))),
    rows: Math.min(MOST_ROWS, Math.max(LEAST_ROWS, Math.round(rows))),
  }
}

function texts(raw: unknown): string[] {
  return Array.isArray(raw) ? raw.filter((each) => typeof each === 'string') : []
}

function pairs(raw: unknown): [string, unknown][] {
  if (!Array.isArray(raw)) return []
  return raw.flatMap((each) =>
    Array.isArray(each) && typeof each[0] === 'string' ? [[each[0], each[1]]] : [],
  )
}
