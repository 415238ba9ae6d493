// Rows of a table in a file, page by page: the server reads CSV, TSV and Parquet.
import { bytesUrl } from './kinds.ts'
import { fetchBytes } from './texts.ts'

export interface Column {
  name: string
  type: string
}

export interface TablePage {
  columns: Column[]
  rows: unknown[][]
  /** Null where it takes too long to count. */
  totalRows: number | null
  truncated: boolean
}

export const TABLE_PAGE = 200

export async function fetchRows(
  runId: string,
  path: string,
  offset: number,
  signal: AbortSignal,
): Promise<TablePage> {
  const url = `${bytesUrl(runId, path)}?preview=table&offset=${offset}&limit=${TABLE_PAGE}`
  const response = await fetchBytes(url, signal)
  return (await response.json()) as TablePage
}

export function isNumeric(type: string): boolean {
  return /int|float|double|decimal|number|long|half/i.test(type)
}

/** A cell as one line. */
export function spellCell(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'object') return JSON.stringify(value)
  return String(value)
}

const [LEAST_PX, MOST_PX, CHAR_PX, AIR_PX] = [56, 320, 7.4, 24]

/** As wide as what is in it, within reason. */
export function columnWidths(columns: readonly Column[], rows: readonly unknown[][]): number[] {
  return columns.map(({ name }, index) => {
    let longest = name.length
    for (const row of rows) longest = Math.max(longest, Math.min(80, spellCell(row[index]).length))
    return Math.min(MOST_PX, Math.max(LEAST_PX, Math.round(longest * CHAR_PX + AIR_PX)))
  })
}
