// What a table asks the server: which runs, in which order, under which fields.
import { ask } from '#api/client.ts'
import {
  GroupCountDocument,
  type GroupOrder,
  GroupPageDocument,
  type LifecycleFilter,
  RunCountDocument,
  RunIdsDocument,
  RunPageDocument,
  RunsOfIdsDocument,
} from '#api/generated.ts'
import { parseSort } from '#lib/fields.ts'
import { isCondition, joinConditions, quote } from '#lib/filters.ts'
import { PAGE, type Source } from '#lib/pages.ts'
import { type Group, type Item, type Row, toGroup, toRows } from './rows.ts'

export interface Question {
  experimentId: string
  filter: string
  /** As runTable's orderBy takes them; none is newest first. */
  sorts: readonly string[]
  isTree: boolean
  isTrash: boolean
  /** Fields that runs are grouped by. */
  by: readonly string[]
}

// What every row shows or tells the charts.
export const BASE = ['name', 'status', 'start_time', 'duration']
// The most rows of ids that one request gives.
const MOST_IDS = 100_000
const MOST_ROWS = 1_000

export function fieldsOf(columns: readonly string[]): string[] {
  return [...new Set([...BASE, ...columns])]
}

export function scopeOf(question: Question) {
  const lifecycle: LifecycleFilter = question.isTrash ? 'DELETED' : 'ACTIVE'
  return {
    experimentIds: [question.experimentId],
    lifecycle,
    filter: question.filter || null,
  }
}

export function orderOf({ sorts }: Question) {
  return sorts.length ? sorts.map((by) => ({ by })) : null
}

export function runSource(question: Question, columns: readonly string[]): Source<Item> {
  const scope = { ...scopeOf(question), tree: question.isTree }
  const fields = fieldsOf(columns)
  return {
    async fetch(offset, after, signal) {
      const place = after === null ? { offset, after } : { offset: 0, after }
      const orderBy = orderOf(question)
      const { runTable } = await ask(
        RunPageDocument,
        { ...scope, orderBy, columns: fields, rows: PAGE, ...place },
        signal,
      )
      const rows = toRows(runTable)
      if (question.isTree) await countChildren(question, rows, signal)
      return { items: rows, endCursor: runTable.endCursor ?? null, hasNext: runTable.hasNextPage }
    },
    async count(signal) {
      return (await ask(RunCountDocument, scope, signal)).runTable.totalCount
    },
  }
}

async function countChildren(question: Question, rows: Row[], signal: AbortSignal): Promise<void> {
  if (!rows.length) return
  const filter = `parent_run_id IN (${rows.map(({ id }) => quote(id)).join(', ')})`
  const scope = scopeOf({ ...question, filter })
  const { runGroups } = await ask(
    GroupPageDocument,
    { ...scope, by: ['parent_run_id'], measures: [], first: PAGE, offset: 0 },
    signal,
  )
  const counts = new Map(runGroups.groups.map((group) => [group.values[0], group.runs]))
  for (const row of rows) row.children = counts.get(row.id) ?? 0
}

/** The statistics of a group come of what its columns measure. */
export function groupSource(question: Question, measures: readonly string[]): Source<Item> {
  const scope = { ...scopeOf(question), by: [...question.by] }
  return {
    async fetch(offset, _after, signal) {
      const { runGroups } = await ask(
        GroupPageDocument,
        {
          ...scope,
          measures: [...measures],
          first: PAGE,
          offset,
          orderBy: groupOrder(question, measures),
        },
        signal,
      )
      const groups = runGroups.groups.map(toGroup)
      return { items: groups, endCursor: null, hasNext: groups.length === PAGE }
    },
    async count(signal) {
      return (await ask(GroupCountDocument, scope, signal)).runGroups.totalCount
    },
  }
}

export function groupOrder(question: Question, measures: readonly string[]): GroupOrder | null {
  const sort = parseSort(question.sorts[0] ?? '')
  if (!sort || !measures.includes(sort.field)) return null
  return { measure: sort.field, statistic: 'MEAN', direction: sort.isDown ? 'DESC' : 'ASC' }
}

/** The runs of one group. */
export function insideGroup(question: Question, group: Group): Question {
  const conditions = question.by.map((field, at) => isCondition(field, group.values[at] ?? null))
  return { ...question, by: [], filter: joinConditions([question.filter, ...conditions]) }
}

/** The runs nested in one; all of them, as trees stay whole. */
export function insideRun(question: Question, row: Row): Question {
  return { ...question, by: [], isTree: false, filter: `parent_run_id = ${quote(row.id)}` }
}

export async function countRuns(question: Question, signal?: AbortSignal): Promise<number> {
  const variables = { ...scopeOf(question), tree: question.isTree }
  return (await ask(RunCountDocument, variables, signal)).runTable.totalCount
}

export async function fetchRows(ids: readonly string[], columns: readonly string[]) {
  const rows: Row[] = []
  for (let at = 0; at < ids.length; at += MOST_ROWS) {
    const runIds = ids.slice(at, at + MOST_ROWS)
    const { runTable } = await ask(RunsOfIdsDocument, { runIds, columns: fieldsOf(columns) })
    rows.push(...toRows(runTable))
  }
  return rows
}

/** The ids of runs from one place in the order to before another. */
export async function fetchIds(question: Question, from: number, to: number): Promise<string[]> {
  const ids: string[] = []
  const variables = { ...scopeOf(question), tree: question.isTree, orderBy: orderOf(question) }
  while (from + ids.length < to) {
    const rows = Math.min(MOST_IDS, to - from - ids.length)
    const { runTable } = await ask(RunIdsDocument, {
      ...variables,
      rows,
      offset: from + ids.length,
    })
    ids.push(...runTable.runIds.filter((id) => id !== null))
    if (!runTable.hasNextPage || !runTable.runIds.length) break
  }
  return ids
}
