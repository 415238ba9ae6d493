// Where a run that is new belongs in a table that is already sorted.
import type { RunOrderField, RunRowFragment, SortDirection } from '#api/generated.ts'

export interface Order {
  field: RunOrderField
  direction: SortDirection
}

type Sortable = Pick<RunRowFragment, 'id' | 'name' | 'status' | 'startTime' | 'durationMs'>

/** The first index at which the run may stand; rows of equal rank stay before it or behind it. */
export function placeOf(run: Sortable, rows: readonly Sortable[], order: Order): number {
  const sign = order.direction === 'ASC' ? 1 : -1
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const row = rows[middle]
    if (row && compare(row, run, order) * sign < 0) low = middle + 1
    else high = middle
  }
  return low
}

function compare(a: Sortable, b: Sortable, order: Order): number {
  switch (order.field) {
    case 'NAME':
      return codePoints(a.name, b.name)
    case 'STATUS':
      return codePoints(a.status, b.status)
    case 'DURATION':
      return Number(a.durationMs) - Number(b.durationMs)
    default:
      return Date.parse(a.startTime) - Date.parse(b.startTime)
  }
}

function codePoints(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
