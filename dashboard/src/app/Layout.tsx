// The frame around every page: rail, top bar, commands, keys and messages.
import { Link, Outlet, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useEffect, useMemo, useState } from 'react'
import { useConnection } from '#api/connection.ts'
import { formatClock } from '#lib/format.ts'
import { recall, remember } from '#lib/storage.ts'
import { toggleTheme, useTheme } from '#lib/theme.ts'
import { useCurrentPlace } from '#ui/crumbs.ts'
import { Icon } from '#ui/icons.tsx'
import { answerShortcuts, type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { Toasts } from '#ui/toasts.tsx'
import { Commands } from './Commands.tsx'
import { Keys } from './Keys.tsx'
import { Rail } from './Rail.tsx'

export function Layout(): ReactElement {
  const [isRailOpen, setRailOpen] = useState(() => !isNarrow() && recall('rail') !== 'closed')
  const [dialog, setDialog] = useState<'commands' | 'keys' | null>(null)
  const navigate = useNavigate()
  const theme = useTheme()
  const toggleRail = () => {
    if (!isNarrow()) remember('rail', isRailOpen ? 'closed' : 'open')
    setRailOpen(!isRailOpen)
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: toggleRail changes with isRailOpen
  const shortcuts = useMemo<Shortcut[]>(
    () => [
      { key: 'mod+k', label: 'Find or do anything', run: () => setDialog('commands') },
      { key: '/', label: 'Find or do anything', run: () => setDialog('commands') },
      { key: '?', label: 'All keys', run: () => setDialog('keys') },
      { key: 'h', label: 'All experiments', run: () => void navigate({ to: '/' }) },
      { key: 'd', label: 'Dark or light', run: toggleTheme },
      { key: 'b', label: 'Open or close the rail', run: toggleRail },
    ],
    [navigate, isRailOpen],
  )
  useShortcuts('Everywhere', shortcuts)
  useEffect(() => {
    addEventListener('keydown', answerShortcuts)
    return () => removeEventListener('keydown', answerShortcuts)
  }, [])
  const isDark = theme === 'dark'
  return (
    <div className={isRailOpen ? 'frame' : 'frame rail-closed'}>
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <Rail isOpen={isRailOpen} onUsed={() => isNarrow() && setRailOpen(false)} />
      <div className="column">
        <header className="top">
          <button
            type="button"
            className="quiet bare"
            aria-label={isRailOpen ? 'Close the rail' : 'Open the rail'}
            aria-expanded={isRailOpen}
            title="Experiments (b)"
            onClick={toggleRail}
          >
            <Icon name="rail" />
          </button>
          <Crumbs />
          <button type="button" className="command-field" onClick={() => setDialog('commands')}>
            <Icon name="search" />
            <span>Find or do…</span>
            <kbd>/</kbd>
          </button>
          <ConnectionState />
          <button
            type="button"
            className="quiet bare"
            aria-label={isDark ? 'Light theme' : 'Dark theme'}
            title={isDark ? 'Light (d)' : 'Dark (d)'}
            onClick={toggleTheme}
          >
            <Icon name={isDark ? 'sun' : 'moon'} />
          </button>
        </header>
        <div id="page" className="content" tabIndex={-1}>
          <Outlet />
        </div>
      </div>
      <Commands
        open={dialog === 'commands'}
        onOpenChange={(open) => setDialog(open ? 'commands' : null)}
        onKeys={() => setDialog('keys')}
      />
      <Keys open={dialog === 'keys'} onOpenChange={(open) => setDialog(open ? 'keys' : null)} />
      <Toasts />
    </div>
  )
}

/** On a phone the rail lies over the page: it opens when asked and goes when used. */
function isNarrow(): boolean {
  return matchMedia('(max-width: 900px)').matches
}

function Crumbs(): ReactElement {
  const { crumbs, title } = useCurrentPlace()
  return (
    <nav className="crumbs" aria-label="Breadcrumb">
      {crumbs.map(({ label, href }) => (
        <span key={href} className="crumb">
          <Link to={href} className="clip">
            {label}
          </Link>
          <Icon name="chevron" />
        </span>
      ))}
      <span className="clip strong" aria-current="page">
        {title}
      </span>
    </nav>
  )
}

/** Silent while all is well; says since when the shown data is not. */
function ConnectionState(): ReactElement {
  const { status, heardAt } = useConnection()
  const isLost = status === 'lost'
  return (
    <span className={`connection ${status}`} role="status" data-testid="connection">
      <i className="status-dot" aria-hidden="true" />
      {isLost ? (
        <span>
          Reconnecting <span className="muted tabular">as of {formatClock(heardAt)}</span>
        </span>
      ) : (
        <span className="visually-hidden">{status === 'live' ? 'Live' : 'Connecting'}</span>
      )}
    </span>
  )
}
