// What is in a file, by its kind. What anybody may have written is shown as text, as pixels, or in
// a frame of an origin of its own that reaches neither the network nor this page.
import { lazy, type ReactElement, Suspense, useEffect, useMemo, useState } from 'react'
import { type ApiError, toApiError } from '#api/errors.ts'
import { formatBytes } from '#lib/bytes.ts'
import { Copy } from '#ui/Copy.tsx'
import { Icon } from '#ui/icons.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { isTable } from './columns.ts'
import { ImageView } from './ImageView.tsx'
import { JsonTree } from './JsonTree.tsx'
import { bytesUrl, inlineUrl, type Kind, languageOf } from './kinds.ts'
import { FileTable, SplitTable } from './TableView.tsx'
import { TextView } from './TextView.tsx'
import { type Found, fetchText } from './texts.ts'
import type { Entry } from './tree.ts'
import type { View } from './views.ts'

const Markdown = lazy(() => import('./Markdown.tsx'))
const Changes = lazy(() => import('./Changes.tsx'))
const ZipView = lazy(() => import('./ZipView.tsx'))

interface ContentsProps {
  runId: string
  entry: Entry
  kind: Kind
  view: View
  isWrapped?: boolean
}

export function Contents(props: ContentsProps): ReactElement {
  const { runId, entry, kind, view, isWrapped = false } = props
  const { path, name } = entry
  if (entry.isFolder) return <FolderFacts />
  if (entry.uri) return <Reference uri={entry.uri} />
  if (entry.size === 0) return <p className="empty muted">An empty file.</p>
  const src = inlineUrl(runId, path)
  if (view === 'Image') return <ImageView src={src} name={name} />
  if (view === 'Table') return <FileTable runId={runId} path={path} />
  if (view === 'Player') {
    return (
      <div className="player">
        {kind === 'audio' ? (
          // biome-ignore lint/a11y/useMediaCaption: a file that was logged brings none
          <audio controls preload="metadata" src={src} />
        ) : (
          // biome-ignore lint/a11y/useMediaCaption: a file that was logged brings none
          <video controls preload="metadata" src={src} />
        )}
      </div>
    )
  }
  if (view === 'Page' && kind === 'html') return <Sandbox src={src} name={name} />
  if (view === 'Page' && kind === 'pdf') {
    return <iframe className="page-frame" title={name} src={src} referrerPolicy="no-referrer" />
  }
  if (view === 'Files') {
    return (
      <Suspense fallback={<Skeleton rows={8} />}>
        <ZipView runId={runId} path={path} />
      </Suspense>
    )
  }
  if (view === 'Facts') return <Opaque runId={runId} entry={entry} />
  return <TextContents {...props} isWrapped={isWrapped} />
}

/** Scripts run, with an origin that is nobody's: no cookies, no storage, no network, no parent. */
export function Sandbox({ src, name }: { src: string; name: string }): ReactElement {
  return (
    <iframe
      className="page-frame"
      title={name}
      src={src}
      sandbox="allow-scripts"
      referrerPolicy="no-referrer"
      allow="camera 'none'; microphone 'none'; geolocation 'none'; clipboard-read 'none'; clipboard-write 'none'"
    />
  )
}

function TextContents(props: ContentsProps): ReactElement {
  const { runId, entry, view, kind, isWrapped = false } = props
  const { path } = entry
  const { found, error } = useText(runId, path)
  if (error) return <Notice title="The file could not be read" trouble={error} />
  if (!found) return <Skeleton rows={14} height={14} />
  if (found.text.includes('\0')) {
    return (
      <>
        <p className="muted view-note">This is no text.</p>
        <Opaque runId={runId} entry={entry} />
      </>
    )
  }
  if (view === 'Page' && kind === 'markdown') {
    return (
      <div className="page-body">
        <Suspense fallback={<Skeleton rows={10} />}>
          <Markdown text={found.text} at={{ runId, path }} />
        </Suspense>
      </div>
    )
  }
  if (view === 'Changes') {
    return (
      <Suspense fallback={<Skeleton rows={10} />}>
        <Changes text={found.text} />
      </Suspense>
    )
  }
  if (view === 'Tree') return <Json found={found} />
  return <TextView found={found} language={languageOf(path)} isWrapped={isWrapped} />
}

function Json({ found }: { found: Found }): ReactElement {
  const parsed = useMemo(() => {
    try {
      return { value: JSON.parse(found.text) as unknown }
    } catch (cause) {
      return { error: cause instanceof Error ? cause.message : String(cause) }
    }
  }, [found])
  if ('error' in parsed) {
    const why = found.isCut ? 'It is too long for a tree.' : `It is not valid JSON: ${parsed.error}`
    return (
      <>
        <p className="muted view-note">{why}</p>
        <TextView found={found} language="json" isWrapped={false} />
      </>
    )
  }
  if (isTable(parsed.value)) return <SplitTable value={parsed.value} label="Table" />
  return (
    <div className="page-body">
      <JsonTree value={parsed.value} />
    </div>
  )
}

export function useText(
  runId: string,
  path: string,
): { found: Found | null; error: ApiError | null } {
  const [found, setFound] = useState<Found | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  useEffect(() => {
    const request = new AbortController()
    setFound(null)
    setError(null)
    fetchText(runId, path, request.signal)
      .then(setFound)
      .catch((cause) => request.signal.aborted || setError(toApiError(cause)))
    return () => request.abort()
  }, [runId, path])
  return { found, error }
}

function FolderFacts(): ReactElement {
  return <p className="empty muted">Select a file in it, or download the folder as a zip.</p>
}

function Reference({ uri }: { uri: string }): ReactElement {
  const isWeb = /^https?:\/\//i.test(uri)
  return (
    <div className="opaque">
      <p>The bytes lie elsewhere; this run refers to them.</p>
      <p className="opaque-uri">
        {isWeb ? (
          <a href={uri} target="_blank" rel="noopener noreferrer nofollow">
            <code>{uri}</code>
          </a>
        ) : (
          <code>{uri}</code>
        )}{' '}
        <Copy text={uri} label="Copy the address" bare />
      </p>
    </div>
  )
}

function Opaque({ runId, entry }: { runId: string; entry: Entry }): ReactElement {
  return (
    <div className="opaque">
      <p className="muted">There is no view of this kind of file.</p>
      <a className="button" href={bytesUrl(runId, entry.path)} download={entry.name}>
        <Icon name="download" /> Download {formatBytes(entry.size)}
      </a>
    </div>
  )
}
