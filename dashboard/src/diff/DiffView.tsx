// A diff as one column or two, its files folding.
import { type ReactElement, type ReactNode, useMemo, useState } from 'react'
import { formatCount } from '#lib/format.ts'
import { recall, remember } from '#lib/storage.ts'
import { Copy } from '#ui/Copy.tsx'
import { Icon } from '#ui/icons.tsx'
import { Lines } from '#ui/Lines.tsx'
import type { FilePatch, PatchLine } from './patch.ts'
import { type DiffRow, toDiffRows } from './rows.ts'
import './diff.css'

const ROW_PX = 20
const NARROW = '(max-width: 900px)'

interface DiffViewProps {
  files: readonly FilePatch[]
  label: string
  /** Beside the choice of columns. */
  tools?: ReactNode
}

export function DiffView({ files, label, tools }: DiffViewProps): ReactElement {
  const [isSplit, setSplit] = useState(
    () => !matchMedia(NARROW).matches && recall('diff') !== 'unified',
  )
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set())
  const rows = useMemo(() => toDiffRows(files, isSplit, folded), [files, isSplit, folded])
  const fold = (path: string) => {
    const next = new Set(folded)
    if (!next.delete(path)) next.add(path)
    setFolded(next)
  }
  const choose = (split: boolean) => {
    remember('diff', split ? 'split' : 'unified')
    setSplit(split)
  }
  const added = files.reduce((sum, file) => sum + file.added, 0)
  const removed = files.reduce((sum, file) => sum + file.removed, 0)
  return (
    <div className="diff">
      <div className="toolbar">
        <span className="tabular">
          {formatCount(files.length)} {files.length === 1 ? 'file' : 'files'}{' '}
          <Changes added={added} removed={removed} />
        </span>
        <span className="spacer" />
        {tools}
        <span className="segments">
          <button type="button" aria-pressed={!isSplit} onClick={() => choose(false)}>
            Unified
          </button>
          <button type="button" aria-pressed={isSplit} onClick={() => choose(true)}>
            Side by side
          </button>
        </span>
      </div>
      <Lines
        count={rows.length}
        rowPx={ROW_PX}
        label={label}
        className={isSplit ? 'wrapped diff-lines split-lines' : 'wrapped diff-lines'}
        isWrapped
        line={(index) => {
          const row = rows[index]
          return row && <Row key={keyOf(row)} row={row} folded={folded} onFold={fold} />
        }}
      />
    </div>
  )
}

function keyOf(row: DiffRow): string {
  return row.kind === 'file' ? `file ${row.index}` : `${row.kind} ${row.id}`
}

interface RowProps {
  row: DiffRow
  folded: ReadonlySet<string>
  onFold(path: string): void
}

function Row({ row, folded, onFold }: RowProps): ReactElement {
  switch (row.kind) {
    case 'file': {
      const { file } = row
      const isOpen = !folded.has(file.path)
      return (
        <div className="diff-file">
          <button
            type="button"
            className="fold"
            aria-expanded={isOpen}
            aria-label={isOpen ? `Fold ${file.path}` : `Unfold ${file.path}`}
            onClick={() => onFold(file.path)}
          >
            <Icon name="chevron" />
          </button>
          <code className="clip" title={file.path}>
            {file.oldPath ? `${file.oldPath} → ${file.path}` : file.path}
          </code>
          {file.kind !== 'changed' && <span className="muted">{file.kind}</span>}
          <Copy text={file.path} label={`Copy ${file.path}`} bare />
          <span className="spacer" />
          <Changes added={file.added} removed={file.removed} />
        </div>
      )
    }
    case 'hunk':
      return (
        <div className="diff-hunk muted">
          {row.title ? row.title : `from line ${formatCount(row.from)}`}
        </div>
      )
    case 'note':
      return <div className="diff-hunk muted">{row.text}</div>
    case 'line':
      return (
        <div className={`diff-line ${row.line.kind}`}>
          <span className="gutter tabular">{row.line.oldNumber}</span>
          <span className="gutter tabular">{row.line.newNumber}</span>
          <Sign kind={row.line.kind} />
          <code>{row.line.text || ' '}</code>
        </div>
      )
    case 'pair':
      return (
        <div className="diff-pair">
          <Half line={row.pair.left} number={row.pair.left?.oldNumber} />
          <Half line={row.pair.right} number={row.pair.right?.newNumber} />
        </div>
      )
  }
}

function Half(props: { line: PatchLine | null; number: number | null | undefined }): ReactElement {
  const { line, number } = props
  if (!line) return <div className="diff-half none" />
  return (
    <div className={`diff-half ${line.kind}`}>
      <span className="gutter tabular">{number}</span>
      <Sign kind={line.kind} />
      <code>{line.text || ' '}</code>
    </div>
  )
}

/** Colour alone does not tell. */
function Sign({ kind }: { kind: PatchLine['kind'] }): ReactElement {
  const [sign, word] = { same: ['', ''], old: ['−', 'removed'], new: ['+', 'added'] }[kind]
  return (
    <span className="sign">
      <span aria-hidden="true">{sign}</span>
      <span className="visually-hidden">{word}</span>
    </span>
  )
}

function Changes({ added, removed }: { added: number; removed: number }): ReactElement {
  return (
    <span className="changes tabular">
      <span className="plus">+{formatCount(added)}</span>{' '}
      <span className="minus">−{formatCount(removed)}</span>
    </span>
  )
}
