// The console of a run, where a line of it has an address.
import { useNavigate } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import Console from '#console/Console.tsx'
import type { PartProps } from './RunPage.tsx'
import { tabPath } from './tabs.ts'

export default function ConsoleTab({ run, path }: PartProps): ReactElement {
  const navigate = useNavigate()
  const line = Number(path)
  return (
    <Console
      runId={run.id}
      runName={run.name}
      isRunning={run.status === 'RUNNING'}
      linked={Number.isInteger(line) && line > 0 ? line : null}
      onLink={(next) =>
        void navigate({ to: `${tabPath(run.id, 'console')}/${next}`, replace: true, search: true })
      }
    />
  )
}
