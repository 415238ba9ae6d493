// The columns a runs table can have: attributes, params, tags, and metrics by statistic.
import type { RunRowFragment } from '#api/generated.ts'
import { formatAgo, formatDuration, formatInstant, formatValue } from '#lib/format.ts'

/** 'at:start', 'p:lr', 't:team', 'last:loss', 'min:loss', 'max:loss'. */
export type ColumnId = string

export const ATTRIBUTES = {
  start: 'Started',
  duration: 'Duration',
  user: 'User',
  source: 'Source',
  commit: 'Commit',
} as const

export const STATISTICS = ['last', 'min', 'max'] as const
export type Statistic = (typeof STATISTICS)[number]

export interface ColumnKeys {
  metricKeys: string[]
  paramKeys: string[]
  tagKeys: string[]
}

export interface Value {
  text: string
  exact: string
  isNumber: boolean
}

const NOTHING: Value = { text: '', exact: '', isNumber: false }

export function splitColumn(id: ColumnId): [kind: string, key: string] {
  const colon = id.indexOf(':')
  return [id.slice(0, colon), id.slice(colon + 1)]
}

export function isColumn(id: ColumnId): boolean {
  const [kind, key] = splitColumn(id)
  if (kind === 'at') return key in ATTRIBUTES
  return key !== '' && (kind === 'p' || kind === 't' || isStatistic(kind))
}

export function isStatistic(kind: string): kind is Statistic {
  return STATISTICS.some((statistic) => statistic === kind)
}

/** What has to be asked for to fill these columns. */
export function keysOf(columns: readonly ColumnId[]): ColumnKeys {
  const keys = {
    metricKeys: new Set<string>(),
    paramKeys: new Set<string>(),
    tagKeys: new Set<string>(),
  }
  for (const column of columns) {
    const [kind, key] = splitColumn(column)
    if (kind === 'p') keys.paramKeys.add(key)
    else if (kind === 't') keys.tagKeys.add(key)
    else if (isStatistic(kind)) keys.metricKeys.add(key)
  }
  return {
    metricKeys: [...keys.metricKeys],
    paramKeys: [...keys.paramKeys],
    tagKeys: [...keys.tagKeys],
  }
}

/** The columns of a table nobody has arranged yet. */
export function defaultColumns(
  metricKeys: readonly string[],
  paramKeys: readonly string[],
): ColumnId[] {
  const ofMachine = metricKeys.filter((key) => key.startsWith('system/'))
  const ofModel = metricKeys.filter((key) => !key.startsWith('system/'))
  return [
    'at:duration',
    ...[...ofModel, ...ofMachine].slice(0, 4).map((key) => `last:${key}`),
    ...paramKeys.slice(0, 4).map((key) => `p:${key}`),
    'at:start',
  ]
}

export function columnLabel(id: ColumnId): { label: string; note: string } {
  const [kind, key] = splitColumn(id)
  if (kind === 'at') return { label: ATTRIBUTES[key as keyof typeof ATTRIBUTES] ?? key, note: '' }
  if (kind === 'p') return { label: key, note: 'param' }
  if (kind === 't') return { label: key, note: 'tag' }
  return { label: key, note: kind }
}

export function columnWidth(id: ColumnId): number {
  const [kind, key] = splitColumn(id)
  if (kind === 'at') return key === 'source' || key === 'commit' ? 140 : 92
  return Math.min(200, Math.max(92, key.length * 7 + 36))
}

export function cellOf(run: RunRowFragment, id: ColumnId, now: number): Value {
  const [kind, key] = splitColumn(id)
  if (kind === 'at') return attribute(run, key, now)
  if (kind === 'p') return text(run.params.nodes.find((param) => param.key === key)?.value)
  if (kind === 't') return text(run.tags.nodes.find((tag) => tag.key === key)?.value)
  const metric = run.metrics.nodes.find((each) => each.key === key)
  const point = isStatistic(kind) ? metric?.[kind] : undefined
  if (!point) return NOTHING
  const value = Number(point.value)
  return {
    text: formatValue(value),
    exact: `${point.value} at step ${point.step}`,
    isNumber: true,
  }
}

function attribute(run: RunRowFragment, key: string, now: number): Value {
  if (key === 'start') {
    const time = Date.parse(run.startTime)
    return { text: formatAgo(time, now), exact: formatInstant(time), isNumber: true }
  }
  if (key === 'duration') {
    const duration = formatDuration(Number(run.durationMs))
    return { text: duration, exact: duration, isNumber: true }
  }
  if (key === 'user') return text(run.user)
  if (key === 'commit') return { ...text(run.gitCommit?.slice(0, 10)), exact: run.gitCommit ?? '' }
  return text(run.sourceName)
}

function text(value: string | null | undefined): Value {
  if (!value) return NOTHING
  const isNumber = value.trim() !== '' && Number.isFinite(Number(value))
  return { text: value, exact: value, isNumber }
}
