// What a run was given, and what came of it, on one page.
import { Link } from '@tanstack/react-router'
import { lazy, type ReactElement, Suspense } from 'react'
import { commandOf } from './command.ts'
import { Nested, Pairs, Params, Tags } from './Details.tsx'
import { LiveParams } from './LiveParams.tsx'
import type { FullRun } from './load.ts'
import { Summary } from './Summary.tsx'
import { tabPath } from './tabs.ts'

const Markdown = lazy(() => import('#artifacts/Markdown.tsx'))

export default function Overview({ run }: { run: FullRun }): ReactElement {
  const facts = [
    ['Command', commandOf(run)],
    ['Source', run.sourceName],
    ['Commit', run.source?.commit ?? run.gitCommit],
    ['Branch', run.source?.branch],
    ['Id', run.id],
  ].flatMap(([key, value]) => (key && value ? [{ key, value }] : []))
  return (
    <div className="overview">
      <div className="overview-main">
        {run.description && (
          <section>
            <h2>Description</h2>
            <Suspense fallback={<p className="description">{run.description}</p>}>
              <Markdown text={run.description} />
            </Suspense>
          </section>
        )}
        <Summary run={run} />
        <Nested run={run} />
      </div>
      <div className="overview-side">
        <LiveParams run={run} />
        <Params run={run} />
        <Tags run={run} />
        <section>
          <h2>
            <Link to={tabPath(run.id, 'code')}>Source</Link>
          </h2>
          <Pairs pairs={facts} />
        </section>
        {run.datasets.length > 0 && (
          <section>
            <h2>
              <Link to={tabPath(run.id, 'datasets')}>Datasets</Link>
            </h2>
            <Pairs
              pairs={run.datasets.map(({ dataset, context }) => ({
                key: context ? `${dataset.name} (${context})` : dataset.name,
                value: dataset.digest,
              }))}
            />
          </section>
        )}
      </div>
    </div>
  )
}
