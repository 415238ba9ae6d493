// The columns of a table: which ones, in which order, how wide, and which stay at the left.
import { parseField, spellField } from '#lib/fields.ts'
import { recall, remember } from '#lib/storage.ts'

export const ROW_PX = 30
export const PICK_PX = 30
export const NAME = 'name'
const [LEAST_PX, MOST_PX] = [48, 800]
const GROUPED_PX = 136

/** The columns of a table nobody has arranged yet. */
export function defaultColumns(
  metricKeys: readonly string[],
  paramKeys: readonly string[],
): string[] {
  const ofMachine = metricKeys.filter((key) => key.startsWith('system/'))
  const ofModel = metricKeys.filter((key) => !key.startsWith('system/'))
  return [
    'duration',
    ...[...ofModel, ...ofMachine].slice(0, 4).map((key) => spellField('metrics', key)),
    ...paramKeys.slice(0, 4).map((key) => spellField('params', key)),
    'start_time',
  ]
}

export interface Kept {
  columns?: string[]
  pins?: string[]
  widths: Record<string, number>
}

/** What this browser remembers of an experiment's table. */
export function recallColumns(experimentId: string): Kept {
  try {
    const kept = JSON.parse(recall(`columns.${experimentId}`) ?? '{}') as Partial<Kept>
    const fields = (list: unknown) =>
      Array.isArray(list) ? list.filter((each) => parseField(String(each))) : undefined
    const widths = Object.entries(kept.widths ?? {}).filter(([, px]) => Number.isFinite(px))
    const [columns, pins] = [fields(kept.columns), fields(kept.pins)]
    return {
      ...(columns && { columns }),
      ...(pins && { pins }),
      widths: Object.fromEntries(widths.map(([field, px]) => [field, bounded(px)])),
    }
  } catch {
    return { widths: {} }
  }
}

export function rememberColumns(experimentId: string, kept: Kept): void {
  remember(`columns.${experimentId}`, JSON.stringify(kept))
}

export function bounded(px: number): number {
  return Math.round(Math.min(MOST_PX, Math.max(LEAST_PX, px)))
}

export function widthOf(field: string, widths: Readonly<Record<string, number>>): number {
  const kept = widths[field]
  if (kept) return kept
  if (field === NAME) return innerWidth < 600 ? 150 : 236
  const parsed = parseField(field)
  if (parsed?.entity !== 'attribute') {
    return Math.min(200, Math.max(92, (parsed?.key.length ?? 0) * 7 + 44))
  }
  return /^(duration|status|user|.*_time)$/.test(field) ? 96 : 140
}

export interface Placed {
  field: string
  left: number
  width: number
  isPinned: boolean
}

/** Pinned columns first; where each begins, behind the box to select and the name. */
export function place(
  columns: readonly string[],
  pins: readonly string[],
  widths: Readonly<Record<string, number>>,
  /** Mean and spread need more room than a number. */
  isGrouped = false,
): { pinned: Placed[]; rest: Placed[]; width: number; name: number } {
  const name = widthOf(NAME, widths)
  let left = PICK_PX + name
  const next = (isPinned: boolean) => (field: string) => {
    const isWide = isGrouped && !widths[field] && /^(metrics\.|duration$)/.test(field)
    const width = Math.max(isWide ? GROUPED_PX : 0, widthOf(field, widths))
    left += width
    return { field, left: left - width, width, isPinned }
  }
  const pinned = columns.filter((field) => pins.includes(field)).map(next(true))
  const rest = columns.filter((field) => !pins.includes(field)).map(next(false))
  return { pinned, rest, width: left, name }
}

/** Those in sight, and a few around them. */
export function inSight(rest: readonly Placed[], from: number, to: number): Placed[] {
  return rest.filter(({ left, width }) => left + width > from - 200 && left < to + 200)
}

/** The column at one place goes to before or behind another. */
export function moveColumn(
  columns: readonly string[],
  field: string,
  target: string,
  side: 'before' | 'after',
): string[] {
  if (field === target || !columns.includes(target)) return [...columns]
  const others = columns.filter((each) => each !== field)
  others.splice(others.indexOf(target) + (side === 'after' ? 1 : 0), 0, field)
  return others
}
