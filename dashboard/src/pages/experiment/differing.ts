// Which columns differ among the runs that are found: those that are all the same can be left out.
import { useEffect, useMemo, useState } from 'react'
import { ask } from '#api/client.ts'
import { RunPageDocument } from '#api/generated.ts'
import { kindOf } from '#lib/fields.ts'
import { joinConditions, quote } from '#lib/filters.ts'
import { type Question, scopeOf } from './question.ts'
import { type Row, toRows } from './rows.ts'

/** The columns to show; undefined while it is not known which differ. */
export function useDiffering(
  question: Question,
  columns: readonly string[] | undefined,
  isOn: boolean,
  found: number | undefined,
): readonly string[] | undefined {
  const [known, setKnown] = useState<{ key: string; same: ReadonlySet<string> }>()
  const { experimentId, filter, isTrash } = question
  const key = JSON.stringify([experimentId, filter, isTrash, columns, found])
  useEffect(() => {
    if (!isOn || !columns) return
    const request = new AbortController()
    sameFields({ experimentId, filter, isTrash }, columns, request.signal)
      .then((same) => setKnown({ key, same }))
      .catch(() => undefined)
    return () => request.abort()
  }, [isOn, columns, key, experimentId, filter, isTrash])
  return useMemo(
    () => (isOn && known ? columns?.filter((field) => !known.same.has(field)) : columns),
    [isOn, known, columns],
  )
}

type Scope = Pick<Question, 'experimentId' | 'filter' | 'isTrash'>

async function sameFields(scope: Scope, columns: readonly string[], signal: AbortSignal) {
  const question: Question = { ...scope, sorts: [], isTree: false, by: [] }
  const fetchFirst = async (filter: string, fields: readonly string[]) => {
    const { runTable } = await ask(
      RunPageDocument,
      {
        ...scopeOf({ ...question, filter }),
        tree: false,
        columns: [...fields],
        rows: 1,
        offset: 0,
      },
      signal,
    )
    return toRows(runTable)[0]
  }
  const first = await fetchFirst(scope.filter, columns)
  const same = new Set<string>()
  if (!first) return same
  await Promise.all(
    columns.map(async (field) => {
      const other = otherThan(first, field)
      if (!(await fetchFirst(joinConditions([scope.filter, other]), []))) same.add(field)
    }),
  )
  return same
}

/** The condition that a run has something else there, or nothing. */
export function otherThan(row: Row, field: string): string {
  const text = row.text(field)
  const value = row.number(field)
  const kind = kindOf(field)
  if (text === null && value === undefined) return `${field} IS NOT NULL`
  const isFlag = field.startsWith('config.') && (text === 'true' || text === 'false')
  const literal = isFlag ? text : text !== null ? quote(text) : String(value)
  const unit = kind === 'duration' ? 'ms' : ''
  const differs = `${field} != ${literal}${unit}`
  return kind === 'duration' || kind === 'status' ? differs : `${differs} OR ${field} IS NULL`
}
