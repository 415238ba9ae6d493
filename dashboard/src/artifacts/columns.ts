// A logged table of the form {"columns", "data"}, its columns' types told from what is in them.
import type { Column } from './tables.ts'

export interface Split {
  columns: Column[]
  data: unknown[][]
}

export function readTable(found: unknown): Split {
  const { columns, data } = (found ?? {}) as { columns?: unknown; data?: unknown }
  const rows = Array.isArray(data) ? data.map((row) => (Array.isArray(row) ? row : [row])) : []
  const names = Array.isArray(columns)
    ? columns.map(String)
    : (rows[0]?.map((_, at) => `${at}`) ?? [])
  return {
    columns: names.map((name, at) => ({ name, type: typeOf(rows, at) })),
    data: rows,
  }
}

/** Whether JSON is such a table. */
export function isTable(found: unknown): boolean {
  const { columns, data } = (found ?? {}) as { columns?: unknown; data?: unknown }
  return Array.isArray(columns) && Array.isArray(data) && data.every(Array.isArray)
}

const LOOKED_AT = 50

function typeOf(rows: readonly unknown[][], at: number): string {
  const values = rows
    .slice(0, LOOKED_AT)
    .map((row) => row[at])
    .filter((value) => value !== null && value !== undefined)
  return values.length && values.every((value) => typeof value === 'number') ? 'double' : 'string'
}
