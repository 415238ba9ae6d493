// The rich values of a run; the step that is looked at stands in the address.
import { useNavigate } from '@tanstack/react-router'
import { type ReactElement, useMemo } from 'react'
import Media from '#media/Media.tsx'
import type { PartProps } from './RunPage.tsx'
import { tabPath } from './tabs.ts'

export default function MediaTab({ run, path }: PartProps): ReactElement {
  const navigate = useNavigate()
  const runs = useMemo(() => [{ id: run.id, name: run.name }], [run.id, run.name])
  const step = path === '' ? Number.NaN : Number(path)
  const base = tabPath(run.id, 'media')
  return (
    <Media
      runs={runs}
      isLive={run.status === 'RUNNING'}
      step={Number.isFinite(step) ? step : null}
      onStep={(next) =>
        void navigate({
          to: next === null ? base : `${base}/${next}`,
          replace: true,
          search: true,
        })
      }
    />
  )
}
