// What the address of an experiment says beside its charts: the table's filter, order and columns.
import type { RunOrderField, RunStatus } from '#api/generated.ts'
import { type ChartSearch, checkChartSearch, packList, readText, unpackList } from '#lib/view.ts'
import { isColumn } from './columns.ts'
import type { Order } from './order.ts'

export const STATUSES: readonly RunStatus[] = [
  'RUNNING',
  'FINISHED',
  'FAILED',
  'KILLED',
  'STALLED',
  'SCHEDULED',
]

const ORDERS: Record<string, RunOrderField> = {
  start: 'START_TIME',
  name: 'NAME',
  status: 'STATUS',
  duration: 'DURATION',
}

export type Layout = 'both' | 'table' | 'charts'

export interface ExperimentSearch extends ChartSearch {
  q?: string
  status?: string
  /** A field of the server; a minus in front sorts from the greatest. */
  sort?: string
  columns?: string
  /** Ids of selected runs. */
  runs?: string
  show?: 'table' | 'charts'
}

export function checkSearch(raw: Record<string, unknown>): ExperimentSearch {
  const search: ExperimentSearch = checkChartSearch(raw)
  const q = readText(raw, 'q')
  if (q) search.q = q
  const statuses = toStatuses(readText(raw, 'status'))
  if (statuses.length) search.status = statuses.join(',').toLowerCase()
  const sort = readText(raw, 'sort')
  if (sort && sort.replace(/^-/, '') in ORDERS && sort !== '-start') search.sort = sort
  const columns = unpackList(readText(raw, 'columns')).filter(isColumn)
  const packed = packList(columns)
  if (packed) search.columns = packed
  const runs = readText(raw, 'runs')
  if (runs) search.runs = runs
  if (raw.show === 'table' || raw.show === 'charts') search.show = raw.show
  return search
}

export function toStatuses(text: string | undefined): RunStatus[] {
  const names = (text ?? '').toUpperCase().split(',')
  return STATUSES.filter((status) => names.includes(status))
}

export function toOrder(sort = '-start'): Order {
  const direction = sort.startsWith('-') ? 'DESC' : 'ASC'
  return { field: ORDERS[sort.replace(/^-/, '')] ?? 'START_TIME', direction }
}

export function toIds(text: string | undefined): string[] {
  return text ? text.split(',').filter(Boolean) : []
}
