// The lines of a table as the server's columns hold them: runs, and groups of runs.
import type { GroupPageQuery, RunCellsFragment } from '#api/generated.ts'
import { toValue } from '#lib/columns.ts'
import { labelOf } from '#lib/fields.ts'
import { formatAgo, formatCount, formatDuration, formatInstant, formatValue } from '#lib/format.ts'
import type { StatusName } from '#ui/Status.tsx'

export interface Cell {
  text: string
  exact: string
  isNumber: boolean
}

// A param that is a number is shown as it was written, unless that is longer.
const LONG = 9

export const NOTHING: Cell = { text: '', exact: '', isNumber: false }

type Columns = ReadonlyMap<string, RunCellsFragment>

export class Row {
  readonly kind = 'run'
  readonly id: string
  /** When the server said so. */
  readonly heard: number
  /** Runs nested in it, where that was asked. */
  children = 0
  private readonly columns: Columns
  private readonly at: number

  constructor(id: string, columns: Columns, at: number, heard: number) {
    this.id = id
    this.columns = columns
    this.at = at
    this.heard = heard
  }

  get name(): string {
    return this.text('name') ?? ''
  }

  get status(): StatusName {
    return (this.text('status') ?? 'SCHEDULED') as StatusName
  }

  text(field: string): string | null {
    return this.columns.get(field)?.texts?.[this.at] ?? null
  }

  /** Undefined where the run has none. */
  number(field: string): number | undefined {
    const numbers = this.columns.get(field)?.numbers
    const value = typeof numbers === 'string' ? undefined : numbers?.[this.at]
    return value === undefined || value === null ? undefined : toValue(value)
  }

  /** Whether the field was asked for with it. */
  has(field: string): boolean {
    return this.columns.has(field)
  }

  cell(field: string, now: number): Cell {
    const column = this.columns.get(field)
    if (!column) return NOTHING
    const text = this.text(field)
    if (text !== null) {
      const value = this.number(field)
      if (value !== undefined) {
        return {
          text: text.length > LONG ? formatValue(value, 4) : text,
          exact: text,
          isNumber: true,
        }
      }
      const shown = field === 'git_commit' ? text.slice(0, 10) : text
      return { text: shown, exact: text, isNumber: false }
    }
    const value = this.number(field)
    if (value === undefined) return NOTHING
    if (column.kind === 'TIME') {
      return { text: formatAgo(value, now), exact: formatInstant(value), isNumber: true }
    }
    if (column.kind === 'DURATION') {
      const duration = formatDuration(value)
      return { text: duration, exact: duration, isNumber: true }
    }
    return { text: formatValue(value), exact: String(value), isNumber: true }
  }
}

interface Table {
  runIds: readonly (string | null)[]
  columns: readonly RunCellsFragment[]
}

export function toRows({ runIds, columns }: Table): Row[] {
  const byField = new Map(columns.map((column) => [column.field, column]))
  const heard = Date.now()
  return runIds.flatMap((id, at) => (id === null ? [] : [new Row(id, byField, at, heard)]))
}

export interface Measure {
  n: number
  nanCount: number
  mean: number | null
  std: number | null
  min: number | null
  max: number | null
  median: number | null
}

export interface Group {
  kind: 'group'
  id: string
  /** One for each field grouped by; null where its runs lack it. */
  values: readonly (string | null)[]
  runs: number
  measures: ReadonlyMap<string, Measure>
}

export type Item = Row | Group

export function toGroup(group: GroupPageQuery['runGroups']['groups'][number]): Group {
  const number = (value: number | string | null | undefined) =>
    value === null || value === undefined ? null : toValue(value)
  return {
    kind: 'group',
    id: JSON.stringify(group.values),
    values: group.values,
    runs: group.runs,
    measures: new Map(
      group.measures.map((each) => [
        each.field,
        {
          n: each.n,
          nanCount: each.nanCount,
          mean: number(each.mean),
          std: number(each.std),
          min: number(each.min),
          max: number(each.max),
          median: number(each.median),
        },
      ]),
    ),
  }
}

/** 'adam · 0.1'. */
export function groupName(values: readonly (string | null)[]): string {
  return values.map((value) => value ?? 'none').join(' · ')
}

/** Mean ± standard deviation, and on hover all that is known. */
export function groupCell(group: Group, field: string): Cell {
  const measure = group.measures.get(field)
  if (!measure || measure.mean === null) return NOTHING
  const write = field === 'duration' ? formatDuration : (value: number) => formatValue(value, 4)
  const writeSpread =
    field === 'duration' ? formatDuration : (value: number) => formatValue(value, 2)
  const mean = write(measure.mean)
  const parts = (['mean', 'std', 'min', 'median', 'max'] as const).flatMap((name) => {
    const value = measure[name]
    return value === null ? [] : [`${name} ${value}`]
  })
  const missing = measure.nanCount ? `, ${formatCount(measure.nanCount)} NaN` : ''
  return {
    text: measure.std === null ? mean : `${mean} ± ${writeSpread(measure.std)}`,
    exact: `${labelOf(field).label}: ${parts.join(', ')}, n ${formatCount(measure.n)}${missing}`,
    isNumber: true,
  }
}
