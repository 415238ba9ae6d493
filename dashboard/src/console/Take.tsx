// A console to take along: as a file, or on the clipboard.
import { type ReactElement, useEffect, useRef, useState } from 'react'
import { toApiError } from '#api/errors.ts'
import { formatCount } from '#lib/format.ts'
import { Copy } from '#ui/Copy.tsx'
import { Icon } from '#ui/icons.tsx'
import { toast } from '#ui/toasts.tsx'
import { stripAnsi } from './ansi.ts'
import type { ConsoleStore } from './store.ts'

interface TakeProps {
  store: ConsoleStore
  name: string
}

// Rows that a clipboard takes.
const COPIED = 2_000

export function Take({ store, name }: TakeProps): ReactElement {
  const [done, setDone] = useState<number | null>(null)
  const request = useRef<AbortController>(null)
  useEffect(() => () => request.current?.abort(), [])
  const download = async () => {
    if (done !== null) {
      request.current?.abort()
      setDone(null)
      return
    }
    const asked = new AbortController()
    request.current = asked
    const parts: string[] = []
    let count = 0
    setDone(0)
    try {
      for await (const lines of store.pages({ search: '', stream: null }, 0, asked.signal)) {
        parts.push(lines.map((line) => `${stripAnsi(line.text)}\n`).join(''))
        count += lines.length
        setDone(count)
      }
      save(new Blob(parts, { type: 'text/plain' }), `${name || 'run'}-console.txt`)
    } catch (cause) {
      if (!asked.signal.aborted) toast(`Not downloaded: ${toApiError(cause).message}`)
    } finally {
      if (request.current === asked) setDone(null)
    }
  }
  const copied = () => {
    const lines: string[] = []
    for (let at = Math.max(0, store.count - COPIED); at < store.count; at++) {
      const line = store.row(at)
      if (line) lines.push(stripAnsi(line.text))
    }
    return lines.join('\n')
  }
  return (
    <>
      <Copy text={copied} label={`Copy the last ${formatCount(COPIED)} lines`} bare />
      <button
        type="button"
        className={done === null ? 'quiet bare' : 'quiet'}
        aria-label={done === null ? 'Download the console' : 'Stop the download'}
        title={done === null ? 'Download the console as text' : 'Stop'}
        onClick={() => void download()}
      >
        <Icon name={done === null ? 'download' : 'close'} />
        {done !== null && (
          <span className="tabular">
            {formatCount(done)} of {formatCount(store.total)}
          </span>
        )}
      </button>
    </>
  )
}

function save(blob: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name.replace(/[\\/:*?"<>|]+/g, '_')
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
