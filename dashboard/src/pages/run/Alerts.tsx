// What code or a standing rule raised about a run: the newest in one line, the others unfolded.
import { type ReactElement, useEffect, useState } from 'react'
import { ask, listen } from '#api/client.ts'
import { useConnection } from '#api/connection.ts'
import {
  type RunAlertFragment,
  RunAlertsDocument,
  RunAlertsRaisedDocument,
} from '#api/generated.ts'
import { formatCount, formatInstant } from '#lib/format.ts'
import { toast } from '#ui/toasts.tsx'

const SHOWN = 50
const WORDS = { INFO: 'Info', WARNING: 'Warning', ERROR: 'Error' } as const

export function Alerts({ id }: { id: string }): ReactElement | null {
  const { alerts, total } = useAlerts(id)
  const [newest] = alerts
  if (!newest) return null
  return (
    <section className={`alerts ${newest.level.toLowerCase()}`} aria-label="Alerts">
      <details>
        <summary>
          <Title alert={newest} />
          {total > 1 && (
            <span className="muted tabular">and {formatCount(total - 1)} before it</span>
          )}
        </summary>
        <ul>
          {alerts.map((alert) => (
            <li key={alert.id}>
              <Title alert={alert} />
              {alert.text && <p className="alert-text">{alert.text}</p>}
            </li>
          ))}
          {total > alerts.length && (
            <li className="muted">and {formatCount(total - alerts.length)} older ones</li>
          )}
        </ul>
      </details>
    </section>
  )
}

function Title({ alert }: { alert: RunAlertFragment }): ReactElement {
  const { level, title, key, step, createdAt } = alert
  return (
    <>
      <strong className={`level ${level.toLowerCase()}`}>{WORDS[level]}</strong>{' '}
      <span>{title}</span>{' '}
      <span className="muted tabular">
        {[key, step == null ? '' : `step ${step}`, formatInstant(Date.parse(createdAt))]
          .filter(Boolean)
          .join(', ')}
      </span>{' '}
    </>
  )
}

function useAlerts(id: string): { alerts: RunAlertFragment[]; total: number } {
  const [state, setState] = useState<{ alerts: RunAlertFragment[]; total: number }>({
    alerts: [],
    total: 0,
  })
  const { epoch } = useConnection()
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when the server is back
  useEffect(() => {
    let isCurrent = true
    const load = async () => {
      try {
        const { run } = await ask(RunAlertsDocument, { id, first: SHOWN })
        if (isCurrent && run) setState({ alerts: run.alerts.nodes, total: run.alerts.totalCount })
      } catch {
        // The page says already that the server is away, and asks again when it is back.
      }
    }
    void load()
    const stop = listen(RunAlertsRaisedDocument, () => ({ runIds: [id] }), {
      next: ({ alertsRaised }) => {
        void load()
        for (const { title, level } of alertsRaised) toast(`${WORDS[level]}: ${title}`)
      },
      failed: () => undefined,
    })
    return () => {
      isCurrent = false
      stop()
    }
  }, [id, epoch])
  return state
}
