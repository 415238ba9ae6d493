// The metrics of a run in numbers: where each stands, and the best it has been.
import { Link } from '@tanstack/react-router'
import { type ReactElement, useCallback, useEffect, useState } from 'react'
import { ask } from '#api/client.ts'
import { type ApiError, toApiError } from '#api/errors.ts'
import { RunSummaryDocument, type RunSummaryQuery } from '#api/generated.ts'
import { toInteger, toValue } from '#lib/columns.ts'
import { formatCount, formatValue } from '#lib/format.ts'
import { Icon } from '#ui/icons.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import type { FullRun } from './load.ts'

type Page = NonNullable<RunSummaryQuery['run']>['metrics']
type Point = Page['nodes'][number]['min']

const [PAGE, SEARCH_FROM] = [100, 12]

export function Summary({ run }: { run: FullRun }): ReactElement {
  const [search, setSearch] = useState('')
  const [page, setPage] = useState<Page | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const { id } = run
  const load = useCallback(
    async (before: Page | null) => {
      try {
        const after = before?.pageInfo.endCursor ?? null
        const variables = { id, search: search || null, first: PAGE, after }
        const next = (await ask(RunSummaryDocument, variables)).run?.metrics
        if (next) setPage(before ? { ...next, nodes: [...before.nodes, ...next.nodes] } : next)
        setError(null)
      } catch (cause) {
        setError(toApiError(cause))
      }
    },
    [id, search],
  )
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when the run has changed
  useEffect(() => {
    const timer = setTimeout(() => void load(null), search ? 150 : 0)
    return () => clearTimeout(timer)
  }, [load, search, run.heartbeatTime, run.status, run.metrics.totalCount])
  return (
    <section className="summary">
      <h2>
        Metrics <span className="muted tabular">{formatCount(run.metrics.totalCount)}</span>
      </h2>
      {run.metrics.totalCount > SEARCH_FROM && (
        <label className="search">
          <Icon name="search" />
          <input
            type="search"
            placeholder="Metrics…"
            aria-label="Search metrics"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
        </label>
      )}
      {error && !page && <Notice title="The metrics could not be loaded" trouble={error} />}
      {!page && !error && <Skeleton rows={5} />}
      {page?.nodes.length === 0 && (
        <p className="muted">{search ? `No metric matches “${search}”.` : 'None logged'}</p>
      )}
      {page && page.nodes.length > 0 && (
        <div className="scroll-x">
          <table className="numbers">
            <thead>
              <tr>
                <th scope="col">Key</th>
                {['Last', 'Step', 'Least', 'Greatest', 'Mean', 'Points'].map((name) => (
                  <th key={name} scope="col" className="right">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {page.nodes.map((metric) => (
                <tr key={metric.key}>
                  <th scope="row" className="clip" title={metric.key}>
                    <Link
                      to="/runs/$runId"
                      params={{ runId: id }}
                      search={{ full: metric.key }}
                      className="clip"
                    >
                      {metric.key}
                    </Link>
                  </th>
                  <Figure of={metric.last.value} />
                  <td className="right tabular muted">
                    {formatCount(toInteger(metric.last.step))}
                  </td>
                  <Best of={metric.min} />
                  <Best of={metric.max} />
                  <Figure of={metric.mean ?? null} />
                  <td className="right tabular muted">{formatCount(toInteger(metric.count))}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {page?.pageInfo.hasNextPage && (
        <button type="button" className="more" onClick={() => void load(page)}>
          Show {PAGE} more of {formatCount(page.totalCount - page.nodes.length)}
        </button>
      )}
    </section>
  )
}

function Figure({ of }: { of: number | string | null }): ReactElement {
  if (of === null) return <td className="right muted">–</td>
  return (
    <td className="right tabular" title={String(of)}>
      {formatValue(toValue(of))}
    </td>
  )
}

function Best({ of }: { of: Point }): ReactElement {
  if (!of) return <td className="right muted">–</td>
  return (
    <td className="right tabular" title={`${of.value} at step ${of.step}`}>
      {formatValue(toValue(of.value))}
    </td>
  )
}
