// One run: how it stands, and in tabs everything it was given, measured and left behind.
import { getRouteApi, Link, useParams } from '@tanstack/react-router'
import { lazy, type ReactElement, Suspense, useMemo } from 'react'
import { ApiError } from '#api/errors.ts'
import { type Crumb, usePlace } from '#ui/crumbs.ts'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { Tabs } from '#ui/Tabs.tsx'
import { Alerts } from './Alerts.tsx'
import { Failure, Problems } from './Banners.tsx'
import { ChartsTab, SystemTab } from './ChartsTab.tsx'
import { Header } from './Header.tsx'
import { type FullRun, useRun } from './load.ts'
import './run.css'
import { parsePlace, TABS, type TabName, tabPath, titleOf } from './tabs.ts'

const route = getRouteApi('/runs/$runId')

const ArtifactsTab = lazy(() => import('./ArtifactsTab.tsx'))
const CodeTab = lazy(() => import('./CodeTab.tsx'))
const DatasetsTab = lazy(() => import('./DatasetsTab.tsx'))
const EnvironmentTab = lazy(() => import('./EnvironmentTab.tsx'))
const ConsoleTab = lazy(() => import('./ConsoleTab.tsx'))
const MediaTab = lazy(() => import('./MediaTab.tsx'))
const Overview = lazy(() => import('./Overview.tsx'))

export function RunPage(): ReactElement {
  const { runId } = route.useParams()
  return <Loaded key={runId} id={runId} />
}

function Loaded({ id }: { id: string }): ReactElement {
  const { run, heard, error, isMissing } = useRun(id)
  if (isMissing) {
    const missing = new ApiError('NOT_FOUND', `There is no run ${id}.`)
    return <Notice title="No such run" trouble={missing} />
  }
  if (!run && error) return <Notice title="The run could not be loaded" trouble={error} />
  if (!run) return <Skeleton rows={10} />
  return <RunView run={run} heard={heard} />
}

function RunView({ run, heard }: { run: FullRun; heard: number }): ReactElement {
  const crumbs = useMemo<Crumb[]>(
    () => [
      { label: 'Experiments', href: '/' },
      { label: run.experiment.name, href: `/experiments/${run.experiment.id}` },
    ],
    [run.experiment.id, run.experiment.name],
  )
  const { _splat } = useParams({ strict: false })
  const { tab, path } = parsePlace(_splat ?? '')
  usePlace(crumbs, tab && tab !== 'charts' ? `${run.name}: ${titleOf(tab)}` : run.name)
  const tabs = useMemo(
    () => TABS.map((name) => ({ name, title: titleOf(name), href: tabPath(run.id, name) })),
    [run.id],
  )
  return (
    <main className="run">
      <Header run={run} heard={heard} />
      <Failure run={run} />
      <Alerts id={run.id} />
      <Problems run={run} />
      <Tabs label="Parts of the run" tabs={tabs} current={tab ?? ''} />
      <div className="run-tab">
        <Suspense fallback={<Skeleton rows={8} />}>
          {tab ? (
            <TabBody key={tab} tab={tab} path={path} run={run} />
          ) : (
            <p className="empty muted">
              A run has no such part. See its <Link to={tabPath(run.id, 'overview')}>overview</Link>
              .
            </p>
          )}
        </Suspense>
      </div>
    </main>
  )
}

export interface PartProps {
  run: FullRun
  /** The place in the tab that the address names. */
  path: string
}

function TabBody({ tab, path, run }: PartProps & { tab: TabName }): ReactElement {
  switch (tab) {
    case 'charts':
      return <ChartsTab run={run} />
    case 'artifacts':
      return <ArtifactsTab run={run} path={path} />
    case 'console':
      return <ConsoleTab run={run} path={path} />
    case 'media':
      return <MediaTab run={run} path={path} />
    case 'code':
      return <CodeTab run={run} />
    case 'environment':
      return <EnvironmentTab run={run} />
    case 'datasets':
      return <DatasetsTab run={run} />
    case 'system':
      return <SystemTab run={run} />
    default:
      return <Overview run={run} />
  }
}
