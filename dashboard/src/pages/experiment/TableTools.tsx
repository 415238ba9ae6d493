// What can be done with the whole table: grouped, nested, downloaded, asked elsewhere.
import { type ReactElement, useEffect, useState } from 'react'
import { documentText } from '#api/client.ts'
import { GroupPageDocument, type KeyKind, RunPageDocument } from '#api/generated.ts'
import { labelOf, spellField } from '#lib/fields.ts'
import { searchPython } from '#lib/python.ts'
import { packList } from '#lib/view.ts'
import { CopyAs } from '#ui/CopyAs.tsx'
import { Icon } from '#ui/icons.tsx'
import { Popover } from '#ui/Popover.tsx'
import type { SetSearch } from './hooks.ts'
import { fetchKeys } from './keys.ts'
import { groupOrder, orderOf, type Question, scopeOf } from './question.ts'
import type { ExperimentSearch } from './search.ts'
import { isMeasure } from './table.ts'

interface OptionsProps {
  question: Question
  search: ExperimentSearch
  set: SetSearch
}

export function Options(props: OptionsProps): ReactElement {
  const { question } = props
  const name = question.by.map((field) => labelOf(field).label).join(', ')
  return (
    <Popover
      label="Group and show"
      className="options"
      trigger={
        <>
          <Icon name="group" />
          <span className={`wide-only clip group-name${name ? ' set' : ''}`}>
            {name || 'Group'}
          </span>
        </>
      }
    >
      <OptionList {...props} />
    </Popover>
  )
}

const ATTRIBUTES = ['status', 'user', 'source_name', 'git_commit', 'parent_run_id']
const OFFERED = 50

function OptionList({ question, search, set }: OptionsProps): ReactElement {
  const [text, setText] = useState('')
  const fields = useGroupFields(question.experimentId, text)
  const { by } = question
  const toggle = (field: string) => {
    const next = by.includes(field) ? by.filter((each) => each !== field) : [...by, field]
    set({ group: packList(next) })
  }
  const flag = (name: 'tree' | 'differing' | 'trash', label: string, help: string) => (
    <label className="check" title={help}>
      <input
        type="checkbox"
        checked={search[name] === true}
        onChange={(event) =>
          set({
            [name]: event.target.checked || undefined,
            ...(name === 'trash' && { runs: undefined }),
            ...(name === 'tree' && { group: undefined }),
          })
        }
      />
      <span className="clip">{label}</span>
    </label>
  )
  return (
    <>
      {flag('tree', 'Nested runs as a tree', 'Runs stand under the run they are nested in')}
      {flag(
        'differing',
        'Only differing columns',
        'Leaves out what is the same for all runs found',
      )}
      {flag('trash', 'The trash', 'Deleted runs instead of those in use')}
      <h4>Group by</h4>
      <label className="search">
        <Icon name="search" />
        <input
          type="search"
          placeholder="Param, tag or attribute…"
          aria-label="Find a field to group by"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      <div className="chooser-list">
        {[...by, ...fields.filter((field) => !by.includes(field))].map((field) => {
          const { label, note } = labelOf(field)
          return (
            <label key={field} className="check">
              <input type="checkbox" checked={by.includes(field)} onChange={() => toggle(field)} />
              <span className="clip" title={field}>
                {label} <small className="muted">{note}</small>
              </span>
            </label>
          )
        })}
      </div>
    </>
  )
}

function useGroupFields(experimentId: string, text: string): string[] {
  const [found, setFound] = useState<string[]>([])
  useEffect(() => {
    let isCurrent = true
    const kinds = { PARAM: 'params', TAG: 'tags', CONFIG: 'config' } as const
    const timer = setTimeout(
      async () => {
        const lists = await Promise.all(
          Object.entries(kinds).map(async ([kind, entity]) => {
            const keys = await fetchKeys(experimentId, kind as KeyKind, text, OFFERED)
            return keys.map((key) => spellField(entity, key))
          }),
        ).catch(() => [])
        const some = ATTRIBUTES.filter((field) =>
          labelOf(field).label.toLowerCase().includes(text.toLowerCase()),
        )
        if (isCurrent) setFound([...lists.flat(), ...some])
      },
      text ? 150 : 0,
    )
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
  }, [experimentId, text])
  return found
}

interface QuestionProps {
  question: Question
  columns: readonly string[]
}

export function Download({ question, columns }: QuestionProps): ReactElement {
  return (
    <Popover label="Download the runs" trigger={<Icon name="download" />} isBare>
      {(['csv', 'parquet', 'arrow'] as const).map((format) => (
        <a key={format} className="quiet" download href={exportAddress(question, columns, format)}>
          {format === 'csv' ? 'CSV' : format === 'parquet' ? 'Parquet' : 'Arrow'}
        </a>
      ))}
      <p className="muted hint">All runs found, in this order, with the columns shown.</p>
    </Popover>
  )
}

export function exportAddress(
  question: Question,
  columns: readonly string[],
  format: 'csv' | 'parquet' | 'arrow',
): string {
  const asked = new URLSearchParams({ experiment: question.experimentId })
  if (question.filter) asked.set('filter', question.filter)
  if (question.isTrash) asked.set('lifecycle', 'DELETED')
  for (const sort of question.sorts) asked.append('order', sort)
  for (const field of ['name', ...columns]) asked.append('column', field)
  return `/export/runs.${format}?${asked}`
}

const COPIED = 1_000

export function CopyQuestion({ question, columns }: QuestionProps): ReactElement {
  const fields = ['name', ...columns.filter((field) => field !== 'name')]
  const measures = columns.filter(isMeasure)
  return (
    <CopyAs
      what="the runs"
      python={() => searchPython(location.origin, { ...question, columns: fields, measures })}
      graphql={() =>
        question.by.length
          ? documentText(GroupPageDocument, {
              ...scopeOf(question),
              by: [...question.by],
              measures,
              first: 100,
              offset: 0,
              orderBy: groupOrder(question, measures),
            })
          : documentText(RunPageDocument, {
              ...scopeOf(question),
              orderBy: orderOf(question),
              tree: question.isTree,
              columns: fields,
              rows: COPIED,
              offset: 0,
              after: null,
            })
      }
    />
  )
}
