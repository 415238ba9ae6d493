// What was deleted from a run: restored, or removed for good.
import { type ReactElement, useCallback, useEffect, useState } from 'react'
import { change } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import { PurgeArtifactsDocument } from '#api/generated.ts'
import { formatBytes } from '#lib/bytes.ts'
import { formatInstant } from '#lib/format.ts'
import { Dialog } from '#ui/Dialog.tsx'
import { Icon } from '#ui/icons.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { toast } from '#ui/toasts.tsx'
import { fetchTrash, restore } from './trashed.ts'
import type { Entry } from './tree.ts'

interface TrashProps {
  runId: string
  onChange(): void
}

export function Trash({ runId, onChange }: TrashProps): ReactElement {
  const [entries, setEntries] = useState<Entry[] | null>(null)
  const [after, setAfter] = useState<string | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const [purged, setPurged] = useState<Entry[] | null>(null)
  const load = useCallback(
    async (from: string | null) => {
      try {
        const page = await fetchTrash(runId, from)
        setEntries((before) => (from && before ? [...before, ...page.entries] : page.entries))
        setAfter(page.after)
        setError(null)
      } catch (cause) {
        setError(toApiError(cause))
      }
    },
    [runId],
  )
  useEffect(() => void load(null), [load])
  const act = async (gone: readonly Entry[], isPurge: boolean) => {
    try {
      if (isPurge) {
        const input = { runId, ids: gone.map(({ id }) => id) }
        await change(PurgeArtifactsDocument, { input })
      } else await restore(runId, gone)
      onChange()
    } catch (cause) {
      const word = isPurge ? 'removed' : 'restored'
      toast(`Not ${word}: ${toApiError(cause).message}`)
    }
    await load(null)
  }
  if (error && !entries) return <Notice title="The trash could not be loaded" trouble={error} />
  if (!entries) return <Skeleton rows={6} />
  return (
    <section className="trash" aria-label="Trash">
      <header className="preview-head">
        <h2>Trash</h2>
        <span className="spacer" />
        {entries.length > 0 && (
          <>
            <button type="button" className="quiet" onClick={() => void act(entries, false)}>
              <Icon name="undo" /> Restore all
            </button>
            <button type="button" className="quiet" onClick={() => setPurged(entries)}>
              <Icon name="trash" /> Empty
            </button>
          </>
        )}
      </header>
      {entries.length === 0 && <p className="empty muted">Nothing is in the trash.</p>}
      <ul>
        {entries.map((entry) => (
          <li key={entry.id} className="trash-row">
            <span className="clip" title={entry.path}>
              {entry.path}
            </span>
            <span className="muted tabular">{entry.size >= 0 && formatBytes(entry.size)}</span>
            <span className="muted tabular wide-only">
              {entry.trashedAt && formatInstant(Date.parse(entry.trashedAt))}
            </span>
            <button
              type="button"
              className="quiet bare"
              aria-label={`Restore ${entry.path}`}
              title="Restore"
              onClick={() => void act([entry], false)}
            >
              <Icon name="undo" />
            </button>
            <button
              type="button"
              className="quiet bare"
              aria-label={`Remove ${entry.path} for good`}
              title="Remove for good"
              onClick={() => setPurged([entry])}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      {after && (
        <button type="button" className="more" onClick={() => void load(after)}>
          Show more
        </button>
      )}
      <Dialog
        title="Remove for good"
        open={purged !== null}
        onOpenChange={(isOpen) => isOpen || setPurged(null)}
      >
        <p>
          {purged?.length === 1 ? purged[0]?.path : `${purged?.length ?? 0} artifacts`} cannot be
          had back afterwards.
        </p>
        <p className="dialog-end">
          <button type="button" className="quiet" onClick={() => setPurged(null)}>
            Keep
          </button>
          <button
            type="button"
            className="primary"
            onClick={() => {
              void act(purged ?? [], true)
              setPurged(null)
            }}
          >
            Remove
          </button>
        </p>
      </Dialog>
    </section>
  )
}
