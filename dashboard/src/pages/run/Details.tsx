// What a run was given and where it came from: params, tags, source, nested runs.
import { Link } from '@tanstack/react-router'
import { type ReactElement, useEffect, useState } from 'react'
import { ask } from '#api/client.ts'
import { toApiError } from '#api/errors.ts'
import { type ParamPageFragment, RunParamsDocument } from '#api/generated.ts'
import { formatCount } from '#lib/format.ts'
import { Copy } from '#ui/Copy.tsx'
import { Icon } from '#ui/icons.tsx'
import { Status } from '#ui/Status.tsx'
import { toast } from '#ui/toasts.tsx'
import { LiveParams } from './LiveParams.tsx'
import type { FullRun } from './load.ts'

const PAGE = 100
const SEARCH_FROM = 12

export function Details({ run }: { run: FullRun }): ReactElement {
  const source = [
    ['Source', run.sourceName],
    ['Commit', run.gitCommit],
    ['Id', run.id],
  ].flatMap(([key, value]) => (key && value ? [{ key, value }] : []))
  return (
    <aside className="details" aria-label="Details">
      {run.description && <p className="description">{run.description}</p>}
      <LiveParams run={run} />
      <Params run={run} />
      <Tags run={run} />
      <section>
        <h2>Source</h2>
        <Pairs pairs={source} />
      </section>
      <Nested run={run} />
    </aside>
  )
}

export function Tags({ run }: { run: FullRun }): ReactElement | null {
  if (run.tags.nodes.length === 0) return null
  return (
    <section>
      <h2>
        Tags <span className="muted tabular">{formatCount(run.tags.totalCount)}</span>
      </h2>
      <Pairs pairs={run.tags.nodes} />
    </section>
  )
}

export function Nested({ run }: { run: FullRun }): ReactElement | null {
  if (run.children.nodes.length === 0) return null
  return (
    <section>
      <h2>
        Nested runs <span className="muted tabular">{formatCount(run.children.totalCount)}</span>
      </h2>
      <ul className="nested">
        {run.children.nodes.map((child) => (
          <li key={child.id}>
            <Status status={child.status} bare />
            <Link to="/runs/$runId" params={{ runId: child.id }} className="clip">
              {child.name}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** The first hundred come with the run; a search and the rest are asked for. */
export function Params({ run }: { run: FullRun }): ReactElement {
  const [search, setSearch] = useState('')
  const [found, setFound] = useState<ParamPageFragment | null>(null)
  const page = found ?? run.params
  useEffect(() => {
    if (!search) {
      setFound(null)
      return
    }
    let isCurrent = true
    const timer = setTimeout(async () => {
      const next = await fetchPage(run.id, search, null)
      if (isCurrent && next) setFound(next)
    }, 150)
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
  }, [run.id, search])
  const more = async () => {
    const next = await fetchPage(run.id, search, page.pageInfo.endCursor ?? null)
    if (next) setFound({ ...next, nodes: [...page.nodes, ...next.nodes] })
  }
  return (
    <section>
      <h2>
        Params <span className="muted tabular">{formatCount(run.params.totalCount)}</span>
      </h2>
      {run.params.totalCount > SEARCH_FROM && (
        <label className="search">
          <Icon name="search" />
          <input
            type="search"
            placeholder="Params…"
            aria-label="Search params"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
        </label>
      )}
      {run.params.totalCount === 0 ? (
        <p className="muted hint">None logged</p>
      ) : (
        <Pairs pairs={page.nodes} />
      )}
      {page.pageInfo.hasNextPage && (
        <button type="button" className="more" onClick={more}>
          Show {PAGE} more of {formatCount(page.totalCount - page.nodes.length)}
        </button>
      )}
    </section>
  )
}

async function fetchPage(
  id: string,
  search: string,
  after: string | null,
): Promise<ParamPageFragment | null> {
  try {
    const variables = { id, search: search || null, first: PAGE, after }
    return (await ask(RunParamsDocument, variables)).run?.params ?? null
  } catch (cause) {
    toast(`The params could not be loaded: ${toApiError(cause).message}`)
    return null
  }
}

export function Pairs({
  pairs,
}: {
  pairs: readonly { key: string; value: string }[]
}): ReactElement {
  return (
    <dl className="pairs">
      {pairs.map(({ key, value }) => (
        <div key={key}>
          <dt className="clip" title={key}>
            {key}
          </dt>
          <dd className="clip" title={value}>
            {value}
          </dd>
          <Copy text={value} label={`Copy ${key}`} bare />
        </div>
      ))}
    </dl>
  )
}
