// JSON as a tree that folds; long lists open in part.
import { type ReactElement, useState } from 'react'
import { formatCount } from '#lib/format.ts'
import { Icon } from '#ui/icons.tsx'
import './json.css'

const PART = 100
// Deeper ones start folded, as do those of many members.
const [OPEN_DEPTH, OPEN_MEMBERS] = [2, 50]

interface NodeProps {
  name?: string
  value: unknown
  depth?: number
}

export function JsonTree({ name, value, depth = 0 }: NodeProps): ReactElement {
  if (typeof value !== 'object' || value === null) {
    return (
      <div className="json-row">
        <i className="fold" aria-hidden="true" />
        <Name name={name} />
        <Leaf value={value} />
      </div>
    )
  }
  return <Branch name={name} value={value} depth={depth} />
}

function Branch(props: { name: string | undefined; value: object; depth: number }): ReactElement {
  const { name, value, depth } = props
  const entries = Object.entries(value)
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH && entries.length <= OPEN_MEMBERS)
  const [limit, setLimit] = useState(PART)
  const isList = Array.isArray(value)
  const isBare = entries.length === 0
  return (
    <div className="json-branch">
      <button
        type="button"
        className="json-row"
        aria-expanded={isOpen}
        disabled={isBare}
        onClick={() => setOpen(!isOpen)}
      >
        <span className="fold">{!isBare && <Icon name="chevron" />}</span>
        <Name name={name} />
        <span className="muted">
          {isList ? `[${isBare ? '' : formatCount(entries.length)}]` : isBare ? '{}' : '{'}
          {!isList && !isBare && !isOpen && `${peek(value)}}`}
        </span>
      </button>
      {isOpen && (
        <div className="json-inside">
          {entries.slice(0, limit).map(([key, member]) => (
            <JsonTree key={key} name={key} value={member} depth={depth + 1} />
          ))}
          {entries.length > limit && (
            <button type="button" className="more" onClick={() => setLimit(limit + PART)}>
              Show {Math.min(PART, entries.length - limit)} more of{' '}
              {formatCount(entries.length - limit)}
            </button>
          )}
        </div>
      )}
    </div>
  )
}

function peek(value: object): string {
  const names = Object.keys(value)
  return ` ${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''} `
}

function Name({ name }: { name: string | undefined }): ReactElement | null {
  return name === undefined ? null : <span className="json-name">{name}:</span>
}

const LONG = 300

function Leaf({ value }: { value: unknown }): ReactElement {
  const [isWhole, setWhole] = useState(false)
  const text = JSON.stringify(value) ?? String(value)
  const kind = value === null ? 'null' : typeof value
  if (text.length <= LONG || isWhole) return <code className={`json-${kind}`}>{text}</code>
  return (
    <>
      <code className={`json-${kind}`}>{text.slice(0, LONG)}…</code>{' '}
      <button type="button" className="quiet" onClick={() => setWhole(true)}>
        {formatCount(text.length)} characters
      </button>
    </>
  )
}
