// Chooses the table's columns: those there are, in their order, and all that could be.
import { type KeyboardEvent, type ReactElement, useEffect, useRef, useState } from 'react'
import { follow } from '#charts/drag.ts'
import {
  ATTRIBUTES,
  type Entity,
  labelOf,
  parseField,
  STATISTICS,
  type Statistic,
  spellField,
} from '#lib/fields.ts'
import { Icon } from '#ui/icons.tsx'
import { Popover } from '#ui/Popover.tsx'
import { moveColumn } from './columns.ts'
import { fetchKeys } from './keys.ts'

interface ColumnChooserProps {
  experimentId: string
  columns: readonly string[]
  pins: readonly string[]
  onColumns(columns: readonly string[] | null): void
  onPins(pins: readonly string[]): void
}

export function ColumnChooser(props: ColumnChooserProps): ReactElement {
  return (
    <Popover
      label="Columns"
      className="chooser"
      trigger={
        <>
          <Icon name="columns" />
          <span className="wide-only">Columns</span>
        </>
      }
    >
      <Chooser {...props} />
    </Popover>
  )
}

const SHOWN = 100
const KINDS = { METRIC: 'metrics', PARAM: 'params', CONFIG: 'config', TAG: 'tags' } as const
const TITLES: Record<Entity, string> = {
  metrics: 'Metrics',
  params: 'Params',
  config: 'Configuration',
  tags: 'Tags',
}
// The statistics most looked for; the others stand in the menu of a column's head.
const OFFERED: readonly Statistic[] = STATISTICS.slice(0, 4)

function Chooser(props: ColumnChooserProps): ReactElement {
  const { experimentId, columns, pins, onColumns, onPins } = props
  const [search, setSearch] = useState('')
  const found = useFoundKeys(experimentId, search)
  const toggle = (field: string) =>
    onColumns(
      columns.includes(field) ? columns.filter((each) => each !== field) : [...columns, field],
    )
  const attributes = Object.entries(ATTRIBUTES).filter(
    ([field, label]) => field !== 'name' && label.toLowerCase().includes(search.toLowerCase()),
  )
  return (
    <>
      <label className="search">
        <Icon name="search" />
        <input
          type="search"
          placeholder="Find a column…"
          aria-label="Find a column"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </label>
      <div className="chooser-list">
        {!search && <Chosen columns={columns} pins={pins} onColumns={onColumns} onPins={onPins} />}
        {attributes.length > 0 && <h4>Attributes</h4>}
        {attributes.map(([field, label]) => (
          <Box key={field} field={field} label={label} columns={columns} toggle={toggle} />
        ))}
        {found &&
          Object.entries(found).map(
            ([entity, keys]) =>
              keys.length > 0 && (
                <section key={entity}>
                  <h4>{TITLES[entity as Entity]}</h4>
                  {keys.map((key) =>
                    entity === 'metrics' ? (
                      <Metric key={key} metric={key} columns={columns} toggle={toggle} />
                    ) : (
                      <Box
                        key={key}
                        field={spellField(entity as Entity, key)}
                        label={key}
                        columns={columns}
                        toggle={toggle}
                      />
                    ),
                  )}
                  {keys.length === SHOWN && (
                    <p className="muted more-keys">More than {SHOWN}: search to find the others.</p>
                  )}
                </section>
              ),
          )}
      </div>
      <footer>
        <button type="button" className="quiet" onClick={() => onColumns(null)}>
          Back to the default
        </button>
      </footer>
    </>
  )
}

function useFoundKeys(id: string, search: string): Record<Entity, string[]> | undefined {
  const [found, setFound] = useState<Record<Entity, string[]>>()
  useEffect(() => {
    let isCurrent = true
    const timer = setTimeout(
      async () => {
        const kinds = Object.keys(KINDS) as (keyof typeof KINDS)[]
        const lists = await Promise.all(
          kinds.map((kind) => fetchKeys(id, kind, search, SHOWN).catch(() => [])),
        )
        const pairs = kinds.map((kind, at) => [KINDS[kind], lists[at] ?? []])
        if (isCurrent) setFound(Object.fromEntries(pairs) as Record<Entity, string[]>)
      },
      search ? 150 : 0,
    )
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
  }, [id, search])
  return found
}

interface BoxProps {
  field: string
  label: string
  columns: readonly string[]
  toggle(field: string): void
}

function Box({ field, label, columns, toggle }: BoxProps): ReactElement {
  return (
    <label className="check">
      <input type="checkbox" checked={columns.includes(field)} onChange={() => toggle(field)} />
      <span className="clip" title={label}>
        {label}
      </span>
    </label>
  )
}

interface MetricProps {
  metric: string
  columns: readonly string[]
  toggle(field: string): void
}

function Metric({ metric, columns, toggle }: MetricProps): ReactElement {
  return (
    <div className="check">
      <span className="clip" title={metric}>
        {metric}
      </span>
      <span className="segments small">
        {OFFERED.map((statistic) => {
          const field = spellField('metrics', metric, statistic)
          return (
            <button
              key={statistic}
              type="button"
              aria-pressed={columns.includes(field)}
              aria-label={`${statistic} of ${metric}`}
              onClick={() => toggle(field)}
            >
              {statistic}
            </button>
          )
        })}
      </span>
    </div>
  )
}

type ChosenProps = Omit<ColumnChooserProps, 'experimentId'>

/** The columns in their order, to drag, pin and take out. */
function Chosen({ columns, pins, onColumns, onPins }: ChosenProps): ReactElement {
  const list = useRef<HTMLUListElement>(null)
  const [aim, setAim] = useState<{ target: string; side: 'before' | 'after' } | null>(null)
  const [said, say] = useState('')
  const onKey = (event: KeyboardEvent, field: string) => {
    const by = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : 0
    const at = columns.indexOf(field) + by
    const target = columns[at]
    if (!by || !target) return
    event.preventDefault()
    onColumns(moveColumn(columns, field, target, by < 0 ? 'before' : 'after'))
    say(`${labelOf(field).label} is now ${at + 1} of ${columns.length}`)
  }
  return (
    <>
      <h4>Shown, in this order</h4>
      <ul ref={list} className="chosen">
        {columns.map((field) => {
          const { label, note } = labelOf(field)
          const isPinned = pins.includes(field)
          return (
            <li key={field} data-field={field} className={aim?.target === field ? aim.side : ''}>
              <button
                type="button"
                className="grip"
                aria-label={`Move ${label}: arrow keys`}
                onKeyDown={(event) => onKey(event, field)}
                onPointerDown={(event) => {
                  let now: typeof aim = null
                  follow(event.currentTarget, event, () => ({
                    move: (_x, y) => {
                      now = aimAt(list.current, y) ?? now
                      setAim(now)
                    },
                    end: (isDropped) => {
                      setAim(null)
                      if (isDropped && now) {
                        onColumns(moveColumn(columns, field, now.target, now.side))
                      }
                    },
                  }))
                }}
              >
                <Icon name="grip" />
              </button>
              <span className="clip" title={field}>
                {label} <small className="muted">{note === 'last' ? '' : note}</small>
              </span>
              <button
                type="button"
                className="quiet bare"
                aria-label={`Pin ${label} to the left`}
                aria-pressed={isPinned}
                title={isPinned ? 'Unpin' : 'Pin to the left'}
                onClick={() =>
                  onPins(isPinned ? pins.filter((each) => each !== field) : [...pins, field])
                }
              >
                <Icon name="pin" />
              </button>
              <button
                type="button"
                className="quiet bare"
                aria-label={`Hide ${label}`}
                title={parseField(field) ? 'Hide' : field}
                onClick={() => onColumns(columns.filter((each) => each !== field))}
              >
                <Icon name="close" />
              </button>
            </li>
          )
        })}
      </ul>
      <span className="visually-hidden" aria-live="polite">
        {said}
      </span>
    </>
  )
}

function aimAt(list: HTMLElement | null, y: number) {
  for (const item of list?.querySelectorAll<HTMLElement>('[data-field]') ?? []) {
    const { top, bottom } = item.getBoundingClientRect()
    if (y < top || y > bottom) continue
    const side = y < (top + bottom) / 2 ? ('before' as const) : ('after' as const)
    return { target: item.dataset.field ?? '', side }
  }
  return null
}
