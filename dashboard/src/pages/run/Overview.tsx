// What a run was given, and what came of it, on one page.
import { lazy, type ReactElement, Suspense } from 'react'
import { Nested, Pairs, Params, Tags } from './Details.tsx'
import type { FullRun } from './load.ts'
import { Summary } from './Summary.tsx'

const Markdown = lazy(() => import('#artifacts/Markdown.tsx'))

export default function Overview({ run }: { run: FullRun }): ReactElement {
  const facts = [
    ['Source', run.sourceName],
    ['Commit', run.gitCommit],
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
        <Params run={run} />
        <Tags run={run} />
        <section>
          <h2>Source</h2>
          <Pairs pairs={facts} />
        </section>
      </div>
    </div>
  )
}
