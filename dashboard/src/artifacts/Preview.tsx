// One artifact: what it is, what can be done with it, and what is in it.
import { type ReactElement, useState } from 'react'
import { formatBytes } from '#lib/bytes.ts'
import { formatCount, formatInstant } from '#lib/format.ts'
import { artifactPython } from '#lib/python.ts'
import { Copy } from '#ui/Copy.tsx'
import { Icon } from '#ui/icons.tsx'
import { Contents } from './Contents.tsx'
import { bytesUrl, kindOf, typeName, zipUrl } from './kinds.ts'
import type { Entry } from './tree.ts'
import { viewsOf } from './views.ts'

interface PreviewProps {
  runId: string
  entry: Entry
  onSelect(path: string): void
  onDelete(entry: Entry): void
}

export function Preview({ runId, entry, onSelect, onDelete }: PreviewProps): ReactElement {
  const kind = entry.isFolder ? 'none' : kindOf(entry.path, entry.mediaType)
  const views = viewsOf(kind, entry.path)
  const [view, setView] = useState(views[0])
  const [isWrapped, setWrapped] = useState(false)
  return (
    <article className="preview" aria-label={entry.path}>
      <header className="preview-head">
        <button
          type="button"
          className="quiet bare narrow-only"
          aria-label="Back to the files"
          onClick={() => onSelect('')}
        >
          <Icon name="undo" />
        </button>
        <h2 className="preview-path">
          {entry.path.split('/').map((part, index, parts) => {
            const path = parts.slice(0, index + 1).join('/')
            const isLast = index === parts.length - 1
            return isLast ? (
              <span key={path}>{part}</span>
            ) : (
              <span key={path}>
                <button type="button" className="muted" onClick={() => onSelect(path)}>
                  {part}
                </button>
                <span className="muted"> / </span>
              </span>
            )
          })}
        </h2>
        <span className="spacer" />
        {views.length > 1 && (
          <fieldset className="segments" aria-label="View">
            {views.map((each) => (
              <button
                key={each}
                type="button"
                aria-pressed={each === view}
                onClick={() => setView(each)}
              >
                {each}
              </button>
            ))}
          </fieldset>
        )}
        {(view === 'Source' || view === 'Text') && (
          <button
            type="button"
            className="quiet"
            aria-pressed={isWrapped}
            onClick={() => setWrapped(!isWrapped)}
          >
            Wrap
          </button>
        )}
        <Copy text={entry.path} label="Copy path" bare />
        <Copy
          text={() => artifactPython(location.origin, runId, entry.path)}
          label="Copy as Python"
          icon="code"
          bare
        />
        {!entry.uri && (
          <a
            className="quiet bare"
            href={entry.isFolder ? zipUrl(runId, entry.path) : bytesUrl(runId, entry.path)}
            download={entry.isFolder ? `${entry.name}.zip` : entry.name}
            aria-label={entry.isFolder ? 'Download as a zip' : 'Download'}
            title={entry.isFolder ? 'Download as a zip' : 'Download'}
          >
            <Icon name="download" />
          </a>
        )}
        <button
          type="button"
          className="quiet bare"
          aria-label="Delete"
          title="Delete"
          onClick={() => onDelete(entry)}
        >
          <Icon name="trash" />
        </button>
      </header>
      <Facts entry={entry} />
      <Contents
        runId={runId}
        entry={entry}
        kind={kind}
        view={view ?? 'Facts'}
        isWrapped={isWrapped}
      />
    </article>
  )
}

function Facts({ entry }: { entry: Entry }): ReactElement {
  return (
    <p className="preview-facts muted tabular">
      {entry.isFolder && <span>{formatCount(entry.files)} files</span>}
      {entry.size >= 0 && (
        <span title={`${formatCount(entry.size)} bytes`}>{formatBytes(entry.size)}</span>
      )}
      {!entry.isFolder && (
        <span title={entry.mediaType}>{typeName(entry.path, entry.mediaType)}</span>
      )}
      {entry.createdAt && <span>{formatInstant(Date.parse(entry.createdAt))}</span>}
      {entry.sha256 && (
        <span className="digest" title={`SHA-256 ${entry.sha256}`}>
          sha256 <code>{entry.sha256.slice(0, 12)}</code>
          <Copy text={entry.sha256} label="Copy the digest" bare />
        </span>
      )}
    </p>
  )
}
