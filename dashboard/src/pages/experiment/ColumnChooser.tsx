// Chooses the table's columns among attributes, metrics by statistic, params and tags.
import { type ReactElement, useEffect, useState } from 'react'
import { Icon } from '#ui/icons.tsx'
import { Popover } from '#ui/Popover.tsx'
import { ATTRIBUTES, type ColumnId, STATISTICS } from './columns.ts'
import { fetchKeys, type KeyKind } from './keys.ts'

interface ColumnChooserProps {
  experimentId: string
  columns: readonly ColumnId[]
  onColumns(columns: ColumnId[] | null): void
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

function Chooser({ experimentId, columns, onColumns }: ColumnChooserProps): ReactElement {
  const [search, setSearch] = useState('')
  const [found, setFound] = useState<Record<KeyKind, string[]>>()
  useEffect(() => {
    let isCurrent = true
    const timer = setTimeout(
      async () => {
        const [metric, param, tag] = await Promise.all(
          (['metric', 'param', 'tag'] as const).map((kind) =>
            fetchKeys(experimentId, kind, search, SHOWN).catch(() => []),
          ),
        )
        if (isCurrent) setFound({ metric: metric ?? [], param: param ?? [], tag: tag ?? [] })
      },
      search ? 150 : 0,
    )
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
  }, [experimentId, search])
  const toggle = (id: ColumnId) =>
    onColumns(columns.includes(id) ? columns.filter((each) => each !== id) : [...columns, id])
  const box = (id: ColumnId, label: string) => (
    <label key={id} className="check">
      <input type="checkbox" checked={columns.includes(id)} onChange={() => toggle(id)} />
      <span className="clip" title={label}>
        {label}
      </span>
    </label>
  )
  const attributes = Object.entries(ATTRIBUTES).filter(([, label]) =>
    label.toLowerCase().includes(search.toLowerCase()),
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
        {attributes.length > 0 && <h4>Attributes</h4>}
        {attributes.map(([key, label]) => box(`at:${key}`, label))}
        {found && found.metric.length > 0 && <h4>Metrics</h4>}
        {found?.metric.map((key) => (
          <div key={key} className="check">
            <span className="clip" title={key}>
              {key}
            </span>
            <span className="segments small">
              {STATISTICS.map((statistic) => (
                <button
                  key={statistic}
                  type="button"
                  aria-pressed={columns.includes(`${statistic}:${key}`)}
                  aria-label={`${statistic} of ${key}`}
                  onClick={() => toggle(`${statistic}:${key}`)}
                >
                  {statistic}
                </button>
              ))}
            </span>
          </div>
        ))}
        {found && found.param.length > 0 && <h4>Params</h4>}
        {found?.param.map((key) => box(`p:${key}`, key))}
        {found && found.tag.length > 0 && <h4>Tags</h4>}
        {found?.tag.map((key) => box(`t:${key}`, key))}
      </div>
      <footer>
        <button type="button" className="quiet" onClick={() => onColumns(null)}>
          Back to the default
        </button>
      </footer>
    </>
  )
}
