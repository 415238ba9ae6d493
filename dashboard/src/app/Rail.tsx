// The rail: experiments as folders, with what is running in each.
import { Link } from '@tanstack/react-router'
import { type ReactElement, useMemo, useState } from 'react'
import { formatCount } from '#lib/format.ts'
import { FolderToggle, Running } from '#pages/experiments/ExperimentsPage.tsx'
import { useExperiments } from '#pages/experiments/experiments.ts'
import { toRows, toTree } from '#pages/experiments/tree.ts'

interface RailProps {
  isOpen: boolean
  /** A link in it was followed. */
  onUsed(): void
}

export function Rail({ isOpen, onUsed }: RailProps): ReactElement | null {
  return isOpen ? <OpenRail onUsed={onUsed} /> : null
}

function OpenRail({ onUsed }: Pick<RailProps, 'onUsed'>): ReactElement {
  const { experiments, total } = useExperiments()
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const rows = useMemo(() => toRows(toTree(experiments ?? []), closed), [experiments, closed])
  const toggle = (path: string) => {
    const next = new Set(closed)
    if (!next.delete(path)) next.add(path)
    setClosed(next)
  }
  return (
    <nav className="rail" aria-label="Experiments">
      <Link to="/" className="brand" onClick={onUsed}>
        <svg viewBox="0 0 32 32" width="18" height="18" aria-hidden="true">
          <path d="M3 5c4 15 8 17 13 18s8 1 13 1" className="brand-a" />
          <path d="M3 10c5 8 9 6 13 6s8-3 13-3" className="brand-b" />
        </svg>
        trackql
      </Link>
      <div className="rail-list">
        {rows.map(({ branch, depth }) => (
          <div key={branch.path} className="rail-row" style={{ paddingLeft: depth * 14 }}>
            <FolderToggle branch={branch} closed={closed} toggle={toggle} />
            {branch.experiment ? (
              <Link
                to="/experiments/$experimentId"
                params={{ experimentId: branch.experiment.id }}
                className="rail-link clip"
                onClick={onUsed}
                activeProps={{ 'aria-current': 'page' }}
                title={branch.path}
              >
                {branch.label}
              </Link>
            ) : (
              <span className="rail-link clip muted">{branch.label}</span>
            )}
            <Running count={branch.activeRunCount} />
          </div>
        ))}
        {experiments && total > experiments.length && (
          <Link to="/" className="rail-link muted">
            {formatCount(total - experiments.length)} more
          </Link>
        )}
      </div>
      <a className="rail-foot muted" href="/graphql">
        GraphQL
      </a>
    </nav>
  )
}
