// What the address of an experiment says beside its charts: filter, order, columns, groups.
import { parseField, parseSort } from '#lib/fields.ts'
import {
  type ChartSearch,
  checkChartSearch,
  packList,
  readChoice,
  readText,
  unpackList,
} from '#lib/view.ts'

export type Layout = 'both' | 'table' | 'charts'

export const PANELS = ['curves', 'scatter', 'bars', 'parallel', 'importance'] as const
export type Panel = (typeof PANELS)[number]

export interface ExperimentSearch extends ChartSearch {
  filter?: string
  /** Fields, each with DESC behind it where the greatest comes first. */
  sort?: string
  columns?: string
  /** The columns that stay at the left. */
  pins?: string
  /** Fields that runs are grouped by. */
  group?: string
  /** Runs stand under those they are nested in. */
  tree?: true
  trash?: true
  /** Columns that are the same for all runs are left out. */
  differing?: true
  /** Ids of selected runs. */
  runs?: string
  show?: 'table' | 'charts'
  panel?: Exclude<Panel, 'curves'>
  /** What a panel draws: its fields. */
  axes?: string
  /** The saved view that this began as. */
  view?: string
}

export function checkSearch(raw: Record<string, unknown>): ExperimentSearch {
  const search: ExperimentSearch = checkChartSearch(raw)
  const filter = readText(raw, 'filter')
  if (filter) search.filter = filter
  const lists = {
    sort: (text: string) => parseSort(text) !== null,
    columns: isField,
    pins: isField,
    group: isField,
    axes: isField,
  }
  for (const name of Object.keys(lists) as (keyof typeof lists)[]) {
    const packed = packList(unpackList(readText(raw, name)).filter(lists[name]))
    if (packed) search[name] = packed
  }
  for (const name of ['tree', 'trash', 'differing'] as const) {
    if (raw[name] === true) search[name] = true
  }
  for (const name of ['runs', 'view'] as const) {
    const text = readText(raw, name)
    if (text) search[name] = text
  }
  if (raw.show === 'table' || raw.show === 'charts') search.show = raw.show
  const panel = readChoice(raw, 'panel', PANELS)
  if (panel && panel !== 'curves') search.panel = panel
  return search
}

function isField(text: string): boolean {
  return parseField(text) !== null
}

export function toIds(text: string | undefined): string[] {
  return text ? text.split(',').filter(Boolean) : []
}
