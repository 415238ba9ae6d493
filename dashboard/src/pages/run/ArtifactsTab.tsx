// The artifacts of a run, where each has an address.
import type { ReactElement } from 'react'
import Explorer from '#artifacts/Explorer.tsx'
import type { PartProps } from './RunPage.tsx'

export default function ArtifactsTab({ run, path }: PartProps): ReactElement {
  return <Explorer runId={run.id} path={path} isRunning={run.status === 'RUNNING'} />
}
