// The tree itself: by click and by arrow keys, however many files there are.
import { type KeyboardEvent, type ReactElement, useRef, useState } from 'react'
import { formatBytes } from '#lib/bytes.ts'
import { formatCount, formatInstant } from '#lib/format.ts'
import { Icon } from '#ui/icons.tsx'
import { Lines, type LinesHandle } from '#ui/Lines.tsx'
import { typeName } from './kinds.ts'
import type { ArtifactStore } from './store.ts'
import type { Entry, TreeRow } from './tree.ts'

const ROW_PX = 28

interface TreeProps {
  store: ArtifactStore
  selected: string
  onSelect(path: string): void
}

export function Tree({ store, selected, onSelect }: TreeProps): ReactElement {
  const lines = useRef<LinesHandle>(null)
  const [focused, setFocused] = useState(-1)
  const { rows } = store
  const choose = (entry: Entry) => {
    if (entry.isFolder) store.toggle(entry.path)
    onSelect(entry.path)
  }
  const at = focused >= 0 ? focused : rows.findIndex((row) => isSelected(row, selected))
  const go = (index: number) => {
    const next = Math.min(rows.length - 1, Math.max(0, index))
    setFocused(next)
    lines.current?.show(next)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const row = rows[at]
    const entry = row?.kind === 'entry' ? row.entry : null
    switch (event.key) {
      case 'ArrowDown':
        go(at + 1)
        break
      case 'ArrowUp':
        go(at - 1)
        break
      case 'Home':
        go(0)
        break
      case 'End':
        go(rows.length - 1)
        break
      case 'ArrowRight':
        if (entry?.isFolder && row?.kind === 'entry' && !row.isOpen) store.toggle(entry.path, true)
        else go(at + 1)
        break
      case 'ArrowLeft':
        if (entry?.isFolder && row?.kind === 'entry' && row.isOpen) store.toggle(entry.path, false)
        else go(parentOf(rows, at))
        break
      case 'Enter':
      case ' ':
        if (entry) choose(entry)
        break
      default:
        return
    }
    event.preventDefault()
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the tree inside takes the focus
    <div className="tree-keys" onKeyDown={onKeyDown}>
      <Lines
        count={rows.length}
        rowPx={ROW_PX}
        label="Artifacts"
        role="tree"
        className="artifact-tree"
        handle={lines}
        line={(index) => {
          const row = rows[index]
          if (!row) return null
          if (row.kind === 'more')
            return <More key={`more ${row.folder}`} row={row} store={store} />
          const { entry, depth, isOpen } = row
          return (
            <div
              key={entry.path}
              role="treeitem"
              tabIndex={-1}
              aria-level={depth + 1}
              aria-expanded={entry.isFolder ? isOpen : undefined}
              aria-selected={entry.path === selected}
              className={index === focused ? 'artifact-row focused' : 'artifact-row'}
              style={{ paddingLeft: 8 + depth * 16 }}
              title={hint(entry)}
              onClick={() => {
                setFocused(index)
                choose(entry)
              }}
              onKeyDown={() => undefined}
            >
              <span className="fold">{entry.isFolder && <Icon name="chevron" />}</span>
              <span className="clip artifact-name">{entry.name}</span>
              <span className="muted tabular artifact-size">
                {entry.isFolder ? formatCount(entry.files) : entry.uri ? 'link' : ''}
              </span>
              <span className="muted tabular artifact-size">
                {entry.size >= 0 && formatBytes(entry.size)}
              </span>
            </div>
          )
        }}
      />
    </div>
  )
}

function isSelected(row: TreeRow, path: string): boolean {
  return row.kind === 'entry' && row.entry.path === path
}

function parentOf(rows: readonly TreeRow[], at: number): number {
  const depth = rows[at]?.depth ?? 0
  for (let index = at - 1; index >= 0; index--) if ((rows[index]?.depth ?? 0) < depth) return index
  return at
}

function hint(entry: Entry): string {
  const parts = [entry.path]
  if (entry.isFolder) parts.push(`${formatCount(entry.files)} files`)
  else parts.push(typeName(entry.path, entry.mediaType))
  if (entry.createdAt) parts.push(formatInstant(Date.parse(entry.createdAt)))
  return parts.join('\n')
}

/** The rest of a folder is fetched when this comes into sight. */
function More({ row, store }: { row: TreeRow & { kind: 'more' }; store: ArtifactStore }) {
  return (
    <div
      className="artifact-row muted"
      style={{ paddingLeft: 28 + row.depth * 16 }}
      ref={(element) => {
        if (element && !row.isLoading) queueMicrotask(() => void store.more(row.folder))
      }}
    >
      <i className="artifact-ghost" />
    </div>
  )
}
