// What can be done with a column, behind the sign in its head.
import * as Radix from '@radix-ui/react-popover'
import { type FormEvent, type ReactElement, useState } from 'react'
import { kindOf, labelOf, parseField, STATISTICS, spellField, spellSort } from '#lib/fields.ts'
import { OPERATORS, type Operator, spellCondition, toLiteral } from '#lib/filters.ts'
import { Icon } from '#ui/icons.tsx'
import { moveColumn } from './columns.ts'
import type { TableHeadProps } from './TableHead.tsx'

interface HeaderMenuProps extends TableHeadProps {
  field: string
}

export function HeaderMenu(props: HeaderMenuProps): ReactElement {
  const [isOpen, setOpen] = useState(false)
  const { label } = labelOf(props.field)
  return (
    <Radix.Root open={isOpen} onOpenChange={setOpen}>
      <Radix.Trigger className="head-menu" aria-label={`Column ${label}`} title="Column">
        <Icon name="chevron" />
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          className="popover column-menu"
          align="start"
          sideOffset={4}
          collisionPadding={8}
          aria-label={`Column ${label}`}
          // What happens here is not the head's, in which React has it.
          onClick={(event) => event.stopPropagation()}
          onPointerDown={(event) => event.stopPropagation()}
        >
          <Menu {...props} close={() => setOpen(false)} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

function Menu(props: HeaderMenuProps & { close(): void }): ReactElement {
  const { field, columns, pins, sorts, by, actions, close } = props
  const parsed = parseField(field)
  const isPinned = pins.includes(field)
  const at = columns.indexOf(field)
  const sort = (isDown: boolean) => () => actions.setSorts([spellSort({ field, isDown })])
  const act = (run: () => void) => () => {
    run()
    close()
  }
  const step = (by: number) => {
    const target = columns[at + by]
    if (target) actions.setColumns(moveColumn(columns, field, target, by < 0 ? 'before' : 'after'))
  }
  const canGroup = parsed?.entity !== 'metrics' && !/time|duration|number/.test(kindOf(field))
  return (
    <>
      <div className="menu">
        <button type="button" onClick={act(sort(false))}>
          Sort ascending
        </button>
        <button type="button" onClick={act(sort(true))}>
          Sort descending
        </button>
        {sorts.length > 0 && (
          <button type="button" onClick={act(() => actions.setSorts([]))}>
            Newest first
          </button>
        )}
      </div>
      {parsed?.entity === 'metrics' && (
        <div className="menu">
          <h4>Statistic</h4>
          <div className="statistics">
            {STATISTICS.map((statistic) => {
              const other = spellField('metrics', parsed.key, statistic)
              return (
                <button
                  key={statistic}
                  type="button"
                  className="choice"
                  aria-pressed={other === field}
                  onClick={act(() => {
                    actions.setColumns(
                      columns
                        .filter((each) => each === field || each !== other)
                        .map((each) => (each === field ? other : each)),
                    )
                    actions.setSorts(
                      sorts.map((each) =>
                        each.startsWith(field) ? other + each.slice(field.length) : each,
                      ),
                    )
                  })}
                >
                  {statistic}
                </button>
              )
            })}
          </div>
        </div>
      )}
      <FilterTo field={field} onFilter={(condition) => act(() => actions.filterTo(condition))()} />
      <div className="menu">
        {canGroup && (
          <button type="button" onClick={act(() => actions.groupBy(field))}>
            {by.includes(field)
              ? 'Do not group by it'
              : by.length
                ? 'Group by it, too'
                : 'Group by it'}
          </button>
        )}
        <button
          type="button"
          onClick={act(() =>
            actions.setPins(isPinned ? pins.filter((each) => each !== field) : [...pins, field]),
          )}
        >
          {isPinned ? 'Unpin' : 'Pin to the left'}
        </button>
        {at > 0 && (
          <button type="button" onClick={() => step(-1)}>
            Move left
          </button>
        )}
        {at < columns.length - 1 && (
          <button type="button" onClick={() => step(1)}>
            Move right
          </button>
        )}
        <button
          type="button"
          onClick={act(() => actions.setColumns(columns.filter((each) => each !== field)))}
        >
          Hide
        </button>
      </div>
    </>
  )
}

interface FilterToProps {
  field: string
  onFilter(condition: string): void
}

function FilterTo({ field, onFilter }: FilterToProps): ReactElement {
  const kind = kindOf(field)
  const isNumber = kind === 'number' || kind === 'duration' || kind === 'time'
  const [operator, setOperator] = useState<Operator>(isNumber ? '<' : '=')
  const [value, setValue] = useState('')
  const needsValue = !operator.startsWith('IS')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (needsValue && !value.trim()) return
    const literal = toLiteral(field, operator, value)
    onFilter(spellCondition({ field, operator, value: literal, raw: '' }))
  }
  return (
    <form className="filter-to" onSubmit={submit}>
      <h4>Filter to</h4>
      <select
        aria-label="How it is compared"
        value={operator}
        onChange={(event) => setOperator(event.target.value as Operator)}
      >
        {OPERATORS.filter((each) => !isNumber || !/LIKE|CONTAINS|~/.test(each)).map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
      {needsValue && (
        <input
          aria-label="Value"
          placeholder={kind === 'duration' ? '2h' : kind === 'time' ? '-7d' : 'value'}
          value={value}
          onChange={(event) => setValue(event.target.value)}
        />
      )}
      <button type="submit" className="quiet">
        Add
      </button>
    </form>
  )
}
