// A table of any length: the rows in sight are fetched.
import { type ReactElement, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { type ApiError, toApiError } from '#api/errors.ts'
import { formatCount } from '#lib/format.ts'
import { Lines } from '#ui/Lines.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { readTable } from './columns.ts'
import {
  type Column,
  columnWidths,
  fetchRows,
  isNumeric,
  spellCell,
  TABLE_PAGE,
  type TablePage,
} from './tables.ts'
import './table.css'

interface TableViewProps {
  /** A page of rows from an offset on. */
  fetch(offset: number, signal: AbortSignal): Promise<TablePage>
  label: string
}

const [ROW_PX, KEPT] = [26, 60]

export function FileTable({ runId, path }: { runId: string; path: string }): ReactElement {
  const fetch = useCallback(
    (offset: number, signal: AbortSignal) => fetchRows(runId, path, offset, signal),
    [runId, path],
  )
  return <TableView fetch={fetch} label={path} />
}

/** Of JSON that is held as a whole. */
export function SplitTable({ value, label }: { value: unknown; label: string }): ReactElement {
  const read = useMemo(() => readTable(value), [value])
  const fetch = useCallback(
    async (offset: number) => ({
      columns: read.columns,
      rows: read.data.slice(offset, offset + TABLE_PAGE),
      totalRows: read.data.length,
      truncated: false,
    }),
    [read],
  )
  return <TableView fetch={fetch} label={label} />
}

export function TableView({ fetch, label }: TableViewProps): ReactElement {
  const [first, setFirst] = useState<TablePage | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const [, setVersion] = useState(0)
  const pages = useRef(new Map<number, unknown[][]>())
  const request = useRef(new AbortController())
  useEffect(() => {
    const asked = new AbortController()
    request.current = asked
    pages.current = new Map()
    setFirst(null)
    setError(null)
    fetch(0, asked.signal)
      .then((page) => {
        pages.current.set(0, page.rows)
        setFirst(page)
      })
      .catch((cause) => asked.signal.aborted || setError(toApiError(cause)))
    return () => asked.abort()
  }, [fetch])
  const loading = useRef(new Set<number>())
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const onSeen = useCallback(
    (from: number, to: number) => {
      clearTimeout(timer.current)
      timer.current = setTimeout(() => {
        for (let page = Math.floor(from / TABLE_PAGE); page * TABLE_PAGE < to; page++) {
          if (pages.current.has(page) || loading.current.has(page)) continue
          loading.current.add(page)
          fetch(page * TABLE_PAGE, request.current.signal)
            .then(({ rows }) => {
              pages.current.set(page, rows)
              for (const old of pages.current.keys()) {
                if (pages.current.size <= KEPT) break
                if (Math.abs(old - page) > 3) pages.current.delete(old)
              }
              setVersion((version) => version + 1)
            })
            .catch((cause) => request.current.signal.aborted || setError(toApiError(cause)))
            .finally(() => loading.current.delete(page))
        }
      }, 60)
    },
    [fetch],
  )
  const widths = useMemo(() => (first ? columnWidths(first.columns, first.rows) : []), [first])
  if (error && !first) return <Notice title="The table could not be read" trouble={error} />
  if (!first) return <Skeleton rows={12} height={16} />
  const total = first.totalRows ?? first.rows.length
  const digits = String(total).length
  const template = `calc(${digits}ch + 28px) ${widths.map((width) => `${width}px`).join(' ')}`
  return (
    <div className="data-table">
      {error && <Notice title="Some rows could not be read" trouble={error} />}
      <Lines
        count={total}
        rowPx={ROW_PX}
        label={label}
        role="grid"
        className="data-lines"
        onSeen={onSeen}
        head={<Head columns={first.columns} template={template} />}
        line={(index) => (
          <div
            key={index}
            className="data-row"
            style={{ gridTemplateColumns: template }}
            role="row"
            tabIndex={-1}
          >
            <span className="data-number muted tabular">{formatCount(index + 1)}</span>
            <Cells
              columns={first.columns}
              row={pages.current.get(Math.floor(index / TABLE_PAGE))?.[index % TABLE_PAGE]}
            />
          </div>
        )}
      />
      <p className="muted view-note tabular">
        {formatCount(total)} rows, {formatCount(first.columns.length)} columns
        {first.truncated && '; the file has more than is read for a preview: download it for all'}
      </p>
    </div>
  )
}

function Head({ columns, template }: { columns: Column[]; template: string }): ReactElement {
  return (
    <div className="data-row data-head" style={{ gridTemplateColumns: template }}>
      <span className="data-number" />
      {columns.map(({ name, type }, index) => (
        <span
          key={`${index} ${name}`}
          className={isNumeric(type) ? 'data-cell right' : 'data-cell'}
          title={`${name}: ${type}`}
        >
          {name}
        </span>
      ))}
    </div>
  )
}

function Cells(props: { columns: Column[]; row: unknown[] | undefined }): ReactElement[] {
  const { columns, row } = props
  return columns.map(({ name, type }, index) => {
    const text = spellCell(row?.[index])
    const isMissing = row && (row[index] === null || row[index] === undefined)
    return (
      <span
        key={`${index} ${name}`}
        role="gridcell"
        tabIndex={-1}
        className={isNumeric(type) ? 'data-cell right tabular' : 'data-cell'}
        title={text.slice(0, 2000)}
      >
        {isMissing ? <span className="muted">–</span> : text.slice(0, 500)}
      </span>
    )
  })
}
