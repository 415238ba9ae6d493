// Asks the script of a run to stop, and says how far the request has come.
import { type FormEvent, type ReactElement, useEffect, useState } from 'react'
import { ask, change } from '#api/client.ts'
import { toApiError } from '#api/errors.ts'
import { RequestStopDocument, StopRequestDocument, type StopRequestQuery } from '#api/generated.ts'
import { formatInstant } from '#lib/format.ts'
import { Popover } from '#ui/Popover.tsx'
import { toast } from '#ui/toasts.tsx'
import type { FullRun } from './load.ts'

type Request = NonNullable<StopRequestQuery['run']>['requests']['nodes'][number]

const LOOK_MS = 3_000

export function Stop({ run }: { run: FullRun }): ReactElement | null {
  const [isAsked, setAsked] = useState(false)
  const isAlive = run.status === 'RUNNING' || run.status === 'STALLED'
  if (!isAlive || run.lifecycle === 'DELETED') return null
  if (run.stopRequested || isAsked) return <AskedToStop id={run.id} />
  return (
    <Popover label="Stop the run" trigger="Stop">
      <StopForm id={run.id} onAsked={() => setAsked(true)} />
    </Popover>
  )
}

function StopForm({ id, onAsked }: { id: string; onAsked(): void }): ReactElement {
  const [reason, setReason] = useState('')
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    try {
      await change(RequestStopDocument, { input: { runIds: [id], reason } })
      onAsked()
    } catch (cause) {
      toast(`Not asked: ${toApiError(cause).message}`)
    }
  }
  return (
    <form className="stop" onSubmit={(event) => void submit(event)}>
      <p className="muted">
        The script is asked, and stops when it suits it, if it listens:{' '}
        <code>start_run(on_stop="raise")</code>.
      </p>
      <input
        className="field"
        placeholder="Why (optional)"
        aria-label="Why"
        value={reason}
        maxLength={10_000}
        onChange={(event) => setReason(event.target.value)}
      />
      <button type="submit" className="primary">
        Ask it to stop
      </button>
    </form>
  )
}

function AskedToStop({ id }: { id: string }): ReactElement {
  const [request, setRequest] = useState<Request | null>(null)
  const isSeen = Boolean(request?.seenAt)
  useEffect(() => {
    if (isSeen) return
    let isCurrent = true
    const look = async () => {
      try {
        const { run } = await ask(StopRequestDocument, { id })
        const found = run?.requests.nodes.find((each) => each.kind === 'STOP' && each.open)
        if (isCurrent && found) setRequest(found)
      } catch {
        // The header says already that the server is away.
      }
    }
    void look()
    const timer = setInterval(() => void look(), LOOK_MS)
    return () => {
      isCurrent = false
      clearInterval(timer)
    }
  }, [id, isSeen])
  const title = request
    ? [
        `Asked by ${request.askedBy} at ${formatInstant(Date.parse(request.askedAt))}.`,
        request.reason,
        request.seenAt
          ? `The script saw it at ${formatInstant(Date.parse(request.seenAt))}.`
          : 'The script has not looked yet.',
      ]
        .filter(Boolean)
        .join('\n')
    : undefined
  return (
    <span className="chip stopping" role="status" title={title}>
      Asked to stop{isSeen ? ', seen' : ''}
    </span>
  )
}
