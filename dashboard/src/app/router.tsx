// The addresses of the dashboard and the pages they open.
import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  Link,
  redirect,
} from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { ComparePage, checkSearch as checkCompare } from '#pages/compare/ComparePage.tsx'
import { ExperimentPage } from '#pages/experiment/ExperimentPage.tsx'
import { checkSearch as checkExperiment } from '#pages/experiment/search.ts'
import {
  checkSearch as checkExperiments,
  ExperimentsPage,
} from '#pages/experiments/ExperimentsPage.tsx'
import { RunPage } from '#pages/run/RunPage.tsx'
import { checkSearch as checkRun } from '#pages/run/search.ts'
import { Notice } from '#ui/Notice.tsx'
import { Layout } from './Layout.tsx'

const root = createRootRoute({
  component: Layout,
  errorComponent: Broken,
  notFoundComponent: Nowhere,
})

const experiments = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: ExperimentsPage,
  validateSearch: checkExperiments,
})

const experiment = createRoute({
  getParentRoute: () => root,
  path: '/experiments/$experimentId',
  component: ExperimentPage,
  validateSearch: checkExperiment,
})

const run = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId',
  component: RunPage,
  validateSearch: checkRun,
})

// A tab of a run, and a place in it: the page of the run reads both from the address.
const runIndex = createRoute({ getParentRoute: () => run, path: '/' })
const runPart = createRoute({ getParentRoute: () => run, path: '$' })

const nestedRun = createRoute({
  getParentRoute: () => root,
  path: '/experiments/$experimentId/runs/$runId',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/runs/$runId', params: { runId: params.runId } })
  },
})

const compare = createRoute({
  getParentRoute: () => root,
  path: '/compare',
  component: ComparePage,
  validateSearch: checkCompare,
})

export const router = createRouter({
  routeTree: root.addChildren([
    experiments,
    experiment,
    run.addChildren([runIndex, runPart]),
    nestedRun,
    compare,
  ]),
  defaultErrorComponent: Broken,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}

function Broken({ error }: ErrorComponentProps): ReactElement {
  return (
    <Notice
      title="This page broke"
      trouble={{
        message: error instanceof Error ? error.message : String(error),
        code: 'PAGE',
        remedy: 'Reload it. What is logged is safe on the server.',
      }}
    />
  )
}

function Nowhere(): ReactElement {
  return (
    <p className="empty muted">
      Nothing is at this address. Go to the <Link to="/">experiments</Link>.
    </p>
  )
}
