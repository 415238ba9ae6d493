// Every experiment as a folder tree, with how many runs it has and how many are running now.
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useMemo, useRef, useState } from 'react'
import type { ExperimentRowFragment } from '#api/generated.ts'
import { formatAgo, formatCount } from '#lib/format.ts'
import { readText } from '#lib/view.ts'
import { Copy } from '#ui/Copy.tsx'
import { usePlace } from '#ui/crumbs.ts'
import { Icon } from '#ui/icons.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { useExperiments } from './experiments.ts'
import { type Branch, toRows, toTree } from './tree.ts'

export interface ExperimentsSearch {
  q?: string
}

export function checkSearch(raw: Record<string, unknown>): ExperimentsSearch {
  const q = readText(raw, 'q')
  return q ? { q } : {}
}

const route = getRouteApi('/')

export function ExperimentsPage(): ReactElement {
  const { q = '' } = route.useSearch()
  const navigate = useNavigate()
  const { experiments, total, error } = useExperiments(q)
  usePlace(PLACE, 'Experiments')
  const runs = experiments?.reduce((sum, each) => sum + each.runCount, 0) ?? 0

  if (!experiments && error)
    return <Notice title="The experiments could not be loaded" trouble={error} />
  if (!experiments) return <Skeleton rows={10} />
  if (!q && runs === 0 && experiments.length <= 1) return <Beginning first={experiments[0]} />
  return (
    <main className="page">
      <div className="page-head">
        <h1>Experiments</h1>
        <label className="search">
          <Icon name="search" />
          <input
            type="search"
            placeholder="Search experiments…"
            aria-label="Search experiments"
            value={q}
            onChange={(event) =>
              void navigate({
                to: '/',
                search: event.target.value ? { q: event.target.value } : {},
                replace: true,
              })
            }
          />
        </label>
        <span className="muted tabular">
          {formatCount(experiments.length)} of {formatCount(total)} experiments
        </span>
      </div>
      <ExperimentTree experiments={experiments} />
      {experiments.length === 0 && <p className="empty muted">No experiment matches “{q}”.</p>}
    </main>
  )
}

const PLACE: [] = []

function ExperimentTree({ experiments }: { experiments: ExperimentRowFragment[] }): ReactElement {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const rows = useMemo(() => toRows(toTree(experiments), closed), [experiments, closed])
  const list = useRef<HTMLTableSectionElement>(null)
  const now = Date.now()
  const shortcuts = useMemo(() => moves(list), [])
  useShortcuts('Experiments', shortcuts)
  const toggle = (path: string) => {
    const next = new Set(closed)
    if (!next.delete(path)) next.add(path)
    setClosed(next)
  }
  return (
    <table className="tree">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" className="right">
            Running
          </th>
          <th scope="col" className="right">
            Runs
          </th>
          <th scope="col" className="right wide-only">
            Changed
          </th>
        </tr>
      </thead>
      <tbody ref={list}>
        {rows.map(({ branch, depth }) => (
          <tr key={branch.path}>
            <td>
              <span className="tree-name" style={{ paddingLeft: depth * 18 }}>
                <FolderToggle branch={branch} closed={closed} toggle={toggle} />
                {branch.experiment ? (
                  <Link
                    to="/experiments/$experimentId"
                    params={{ experimentId: branch.experiment.id }}
                    className="strong"
                  >
                    {branch.label}
                  </Link>
                ) : (
                  <span>{branch.label}</span>
                )}
                <span className="muted clip wide-only">{branch.experiment?.description}</span>
              </span>
            </td>
            <td className="right">
              <Running count={branch.activeRunCount} />
            </td>
            <td className="right tabular">{formatCount(branch.runCount)}</td>
            <td className="right muted wide-only">
              {branch.experiment && formatAgo(Date.parse(branch.experiment.updatedAt), now)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

export function Running({ count }: { count: number }): ReactElement | null {
  if (count === 0) return null
  return (
    <span className="status running tabular" title={`${formatCount(count)} running`}>
      <i className="status-dot" aria-hidden="true" />
      {formatCount(count)}
      <span className="visually-hidden"> running</span>
    </span>
  )
}

interface FolderToggleProps {
  branch: Branch<ExperimentRowFragment>
  closed: ReadonlySet<string>
  toggle(path: string): void
}

export function FolderToggle({ branch, closed, toggle }: FolderToggleProps): ReactElement {
  if (branch.branches.length === 0) return <span className="tree-gap" />
  const isOpen = !closed.has(branch.path)
  return (
    <button
      type="button"
      className="fold"
      aria-expanded={isOpen}
      aria-label={`${isOpen ? 'Close' : 'Open'} ${branch.path}`}
      onClick={() => toggle(branch.path)}
    >
      <Icon name="chevron" />
    </button>
  )
}

function moves(list: React.RefObject<HTMLElement | null>): Shortcut[] {
  const move = (by: number) => {
    const links = [...(list.current?.querySelectorAll('a') ?? [])]
    const at = links.indexOf(document.activeElement as HTMLAnchorElement)
    links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus()
  }
  return [
    { key: 'j', label: 'Next experiment', run: () => move(1) },
    { key: 'k', label: 'Previous experiment', run: () => move(-1) },
  ]
}

/** Nothing is logged yet: what to run, and the page comes alive by itself. */
function Beginning({ first }: { first: ExperimentRowFragment | undefined }): ReactElement {
  const code = [
    'import trackql',
    `trackql.set_tracking_uri("${location.origin}")`,
    'trackql.log_metric("loss", 0.5, step=1)',
  ].join('\n')
  return (
    <main className="page beginning">
      <h1>Log the first run</h1>
      <p className="muted">
        Run these lines in Python, in the environment where <code>trackql</code> is installed.
      </p>
      <div className="code">
        <pre>
          <code>{code}</code>
        </pre>
        <Copy text={code} label="Copy" />
      </div>
      <p className="waiting muted" role="status">
        <i className="status-dot pulse" aria-hidden="true" />
        Waiting for the first run
      </p>
      {first && (
        <p className="muted">
          It will appear here and in{' '}
          <Link to="/experiments/$experimentId" params={{ experimentId: first.id }}>
            {first.name}
          </Link>
          .
        </p>
      )}
    </main>
  )
}
