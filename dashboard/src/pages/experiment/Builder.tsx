// The filter line by line: field, operator, value. It writes the same text as the query box.
import { type ReactElement, useEffect, useId, useState } from 'react'
import { ask } from '#api/client.ts'
import { RunValuesDocument } from '#api/generated.ts'
import { ATTRIBUTES, kindOf, parseField, spellField } from '#lib/fields.ts'
import {
  type Condition,
  fromLiteral,
  joinConditions,
  OPERATORS,
  type Operator,
  parseConditions,
  spellCondition,
  toLiteral,
} from '#lib/filters.ts'
import { Icon } from '#ui/icons.tsx'
import { Popover } from '#ui/Popover.tsx'
import { fetchKeys } from './keys.ts'

interface BuilderProps {
  experimentId: string
  value: string
  onChange(filter: string): void
}

export function Builder(props: BuilderProps): ReactElement {
  const count = parseConditions(props.value).length
  return (
    <Popover
      label="Filter builder"
      className="builder"
      trigger={
        <>
          <Icon name="filter" />
          <span className="wide-only">Filter</span>
          {count > 0 && <span className="badge">{count}</span>}
        </>
      }
    >
      <Rows {...props} />
    </Popover>
  )
}

const EMPTY: Condition = { field: '', operator: '=', value: '', raw: '' }

function Rows({ experimentId, value, onChange }: BuilderProps): ReactElement {
  const [rows, setRows] = useState<Condition[]>(() => withOne(parseConditions(value)))
  const fields = useFields(experimentId)
  const listId = useId()
  const set = (next: Condition[]) => {
    setRows(next)
    const whole = next.filter(
      (row) => row.raw || (parseField(row.field) && (row.value || row.operator.startsWith('IS'))),
    )
    onChange(joinConditions(whole.map(spellCondition)))
  }
  const put = (at: number, row: Condition) =>
    set(rows.map((each, index) => (index === at ? row : each)))
  return (
    <>
      <datalist id={listId}>
        {fields.map((field) => (
          <option key={field} value={field} />
        ))}
      </datalist>
      <div className="builder-rows">
        {rows.map((row, at) => (
          <div key={at} className="builder-row">
            <span className="muted">{at === 0 ? 'where' : 'and'}</span>
            {row.raw ? (
              <code className="clip raw" title={row.raw}>
                {row.raw}
              </code>
            ) : (
              <ConditionFields
                experimentId={experimentId}
                row={row}
                fields={listId}
                onRow={(next) => put(at, next)}
              />
            )}
            <button
              type="button"
              className="quiet bare"
              aria-label={`Take condition ${at + 1} out`}
              onClick={() => set(withOne(rows.filter((_, index) => index !== at)))}
            >
              <Icon name="close" />
            </button>
          </div>
        ))}
      </div>
      <footer>
        <button type="button" className="quiet" onClick={() => setRows([...rows, EMPTY])}>
          <Icon name="plus" /> Condition
        </button>
        <span className="muted builder-text clip" title={value}>
          {value}
        </span>
      </footer>
    </>
  )
}

function withOne(rows: Condition[]): Condition[] {
  return rows.length ? rows : [EMPTY]
}

interface ConditionFieldsProps {
  experimentId: string
  row: Condition
  /** The id of the list of fields. */
  fields: string
  onRow(row: Condition): void
}

function ConditionFields({ experimentId, row, fields, onRow }: ConditionFieldsProps): ReactElement {
  const [field, setField] = useState(row.field)
  const [typed, setTyped] = useState(fromLiteral(row.operator, row.value))
  const values = useValues(experimentId, row.field)
  const valuesId = useId()
  const kind = kindOf(row.field)
  const isNumber = kind === 'number' || kind === 'duration' || kind === 'time'
  const write = (next: Partial<{ field: string; operator: Operator; typed: string }>) => {
    const [name, operator] = [next.field ?? field, next.operator ?? row.operator]
    const text = next.typed ?? typed
    const value = text.trim() ? toLiteral(name, operator, text) : ''
    onRow({ field: name, operator, value, raw: '' })
  }
  return (
    <>
      <input
        className="field"
        aria-label="Field"
        list={fields}
        placeholder="field"
        value={field}
        onChange={(event) => {
          setField(event.target.value)
          write({ field: event.target.value })
        }}
      />
      <select
        aria-label="Operator"
        value={row.operator}
        onChange={(event) => write({ operator: event.target.value as Operator })}
      >
        {OPERATORS.filter((each) => !isNumber || !/LIKE|CONTAINS|~/.test(each)).map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      {row.operator.startsWith('IS') ? (
        <span className="value" />
      ) : (
        <input
          className="value"
          aria-label="Value"
          list={valuesId}
          placeholder={
            /IN$/.test(row.operator) ? 'one, another' : kind === 'time' ? '-7d' : 'value'
          }
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          onBlur={() => write({})}
          onKeyDown={(event) => {
            if (event.key === 'Enter') write({})
          }}
        />
      )}
      <datalist id={valuesId}>
        {values.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </>
  )
}

const OFFERED = 300
const ENTITIES = { PARAM: 'params', METRIC: 'metrics', CONFIG: 'config', TAG: 'tags' } as const

function useFields(experimentId: string): string[] {
  const [fields, setFields] = useState<string[]>([])
  useEffect(() => {
    let isCurrent = true
    const kinds = Object.keys(ENTITIES) as (keyof typeof ENTITIES)[]
    Promise.all(kinds.map((kind) => fetchKeys(experimentId, kind, '', OFFERED)))
      .then((lists) => {
        if (!isCurrent) return
        const keys = lists.flatMap((list, at) =>
          list.map((key) => spellField(ENTITIES[kinds[at] ?? 'PARAM'], key)),
        )
        setFields([...Object.keys(ATTRIBUTES), ...keys])
      })
      .catch(() => undefined)
    return () => {
      isCurrent = false
    }
  }, [experimentId])
  return fields
}

/** What runs have there, where they are texts. */
function useValues(experimentId: string, field: string): string[] {
  const [values, setValues] = useState<string[]>([])
  useEffect(() => {
    setValues([])
    const kind = kindOf(field)
    if (!parseField(field) || /number|time|duration/.test(kind)) return
    const request = new AbortController()
    const variables = { experimentIds: [experimentId], field, prefix: '' }
    ask(RunValuesDocument, variables, request.signal)
      .then(({ runValues }) => setValues(runValues.map(({ value }) => value)))
      .catch(() => undefined)
    return () => request.abort()
  }, [experimentId, field])
  return values
}
