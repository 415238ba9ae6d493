// One rich value: a picture, a sound, a table, a text, a page, a histogram.
import { type ReactElement, useEffect, useState } from 'react'
import { type ApiError, toApiError } from '#api/errors.ts'
import type { ValuesAtQuery } from '#api/generated.ts'
import { Sandbox, useText } from '#artifacts/Contents.tsx'
import { ImageView } from '#artifacts/ImageView.tsx'
import { JsonTree } from '#artifacts/JsonTree.tsx'
import { bytesUrl, inlineUrl, kindOf } from '#artifacts/kinds.ts'
import { FileTable, SplitTable } from '#artifacts/TableView.tsx'
import { fetchBytes } from '#artifacts/texts.ts'
import { decodeValues, toInteger } from '#lib/columns.ts'
import { Dialog } from '#ui/Dialog.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { Histogram } from './Histogram.tsx'

export type Cell = ValuesAtQuery['valuesAt'][number]
export type Logged = Cell['values'][number]

export function Value({ runId, value }: { runId: string; value: Logged }): ReactElement {
  return (
    <figure className={`value ${value.kind.toLowerCase()}`}>
      <Shown runId={runId} value={value} />
      {value.caption && (
        <figcaption className="clip" title={value.caption}>
          {value.caption}
        </figcaption>
      )}
    </figure>
  )
}

function Shown({ runId, value }: { runId: string; value: Logged }): ReactElement {
  const { kind, path, body, histogram } = value
  if (histogram) {
    return (
      <Histogram
        edges={decodeValues(histogram.edges)}
        counts={decodeValues(histogram.counts)}
        apart={toInteger(histogram.nanCount) + toInteger(histogram.infiniteCount)}
      />
    )
  }
  if (kind === 'TEXT') {
    if (!path) return <Text text={String(body ?? '')} />
    return <FileText runId={runId} path={path} />
  }
  if (kind === 'TABLE') return <Table runId={runId} path={path ?? null} body={body} />
  if (!path) return <JsonTree value={body} />
  const shape = kindOf(path, '')
  if (kind === 'AUDIO') {
    // biome-ignore lint/a11y/useMediaCaption: a value that was logged brings none
    return <audio controls preload="none" src={inlineUrl(runId, path)} />
  }
  if (kind === 'VIDEO' && shape !== 'image') {
    // biome-ignore lint/a11y/useMediaCaption: a value that was logged brings none
    return <video controls preload="metadata" src={inlineUrl(runId, path)} />
  }
  if (kind === 'HTML' || shape === 'html') {
    return <Sandbox src={inlineUrl(runId, path)} name={value.caption || path} />
  }
  if (shape === 'json') return <FileJson runId={runId} path={path} />
  return <Picture src={inlineUrl(runId, path)} name={value.caption || path} />
}

function Picture({ src, name }: { src: string; name: string }): ReactElement {
  const [isOpen, setOpen] = useState(false)
  const [isBroken, setBroken] = useState(false)
  if (isBroken) return <p className="muted hint">This picture cannot be shown.</p>
  return (
    <>
      <button type="button" className="picture" title="Look closer" onClick={() => setOpen(true)}>
        <img src={src} alt={name} loading="lazy" decoding="async" onError={() => setBroken(true)} />
      </button>
      <Dialog title={name} hideTitle open={isOpen} onOpenChange={setOpen}>
        <div className="closer">
          <ImageView src={src} name={name} />
        </div>
      </Dialog>
    </>
  )
}

const LONG = 1_500

function Text({ text }: { text: string }): ReactElement {
  const [isWhole, setWhole] = useState(false)
  const isLong = text.length > LONG
  return (
    <div className="value-text">
      {isLong && !isWhole ? `${text.slice(0, LONG)}…` : text}
      {isLong && (
        <button type="button" className="quiet" onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'Less' : 'All of it'}
        </button>
      )}
    </div>
  )
}

function FileText({ runId, path }: { runId: string; path: string }): ReactElement {
  const { found, error } = useText(runId, path)
  if (error) return <Notice title="The text could not be read" trouble={error} />
  if (!found) return <Skeleton rows={3} height={12} />
  return <Text text={found.text} />
}

function FileJson({ runId, path }: { runId: string; path: string }): ReactElement {
  const { found, error } = useText(runId, path)
  if (error) return <Notice title="The figure could not be read" trouble={error} />
  if (!found) return <Skeleton rows={3} height={12} />
  try {
    return <JsonTree value={JSON.parse(found.text)} />
  } catch {
    return <Text text={found.text} />
  }
}

interface TableProps {
  runId: string
  path: string | null
  body: unknown
}

function Table({ runId, path, body }: TableProps): ReactElement {
  const isFile = path !== null && kindOf(path, '') === 'table'
  const [read, setRead] = useState<unknown>(path ? undefined : body)
  const [error, setError] = useState<ApiError | null>(null)
  useEffect(() => {
    if (!path || isFile) return
    const request = new AbortController()
    fetchBytes(bytesUrl(runId, path), request.signal)
      .then((response) => response.json())
      .then(setRead)
      .catch((cause) => request.signal.aborted || setError(toApiError(cause)))
    return () => request.abort()
  }, [runId, path, isFile])
  if (isFile) return <FileTable runId={runId} path={path} />
  if (error) return <Notice title="The table could not be read" trouble={error} />
  if (read === undefined) return <Skeleton rows={4} />
  return <SplitTable value={read} label={path ?? 'Table'} />
}
