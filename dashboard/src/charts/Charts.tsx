// The charts of a page: a control bar, and sections of cards that fetch only what is in sight.
import { type ReactElement, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import { useConnection } from '#api/connection.ts'
import { toApiError } from '#api/errors.ts'
import { formatCount } from '#lib/format.ts'
import { type Section, toSections } from '#lib/sections.ts'
import type { ChartView } from '#lib/view.ts'
import { Icon } from '#ui/icons.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { Board, type ChartRun } from './board.ts'
import { Card } from './Card.tsx'
import { Controls } from './Controls.tsx'

// Sections beyond this many cards start closed, and long ones open in part.
const OPEN_CARDS = 48
const PAGE_CARDS = 24

/** A board for as long as the page stands. */
export function useBoard(runs: readonly ChartRun[], view: ChartView): Board | null {
  const [board, setBoard] = useState<Board | null>(null)
  const { epoch } = useConnection()
  useEffect(() => {
    const made = new Board()
    setBoard(made)
    return () => made.stop()
  }, [])
  useEffect(() => board?.configure(runs, view), [board, runs, view])
  useEffect(() => {
    if (epoch) board?.reconnected()
  }, [board, epoch])
  return board
}

interface ChartsProps {
  board: Board | null
  /** Undefined while they are not known. */
  keys: readonly string[] | undefined
  view: ChartView
  onView(change: Partial<ChartView>): void
  /** What to say when there is no metric. */
  empty: string
}

export function Charts({ board, keys, view, onView, empty }: ChartsProps): ReactElement {
  const sections = useMemo(() => toSections(keys ?? [], view.keys), [keys, view.keys])
  const shown = sections.reduce((sum, section) => sum + section.keys.length, 0)
  if (!keys || !board) return <Skeleton rows={8} height={24} />
  if (keys.length === 0) return <p className="empty muted">{empty}</p>
  const full = view.full && keys.includes(view.full) ? view.full : ''
  return (
    <section className="charts" aria-label="Charts">
      <Controls view={view} onView={onView} shown={shown} total={keys.length} />
      <Troubles board={board} />
      {full ? (
        <div className="grid full">
          <Card
            key={full}
            board={board}
            metric={full}
            title={full}
            view={view}
            onView={onView}
            full
          />
        </div>
      ) : (
        <Sections sections={sections} board={board} view={view} onView={onView} />
      )}
      {shown === 0 && <p className="empty muted">No metric matches “{view.keys}”.</p>}
    </section>
  )
}

function Troubles({ board }: { board: Board }): ReactElement | null {
  const error = useSyncExternalStore(board.onTrouble, () => board.error)
  const { status } = useConnection()
  if (!error || status === 'lost') return null
  return <Notice title="Some charts could not be loaded" trouble={toApiError(error)} />
}

interface SectionsProps {
  sections: readonly Section[]
  board: Board
  view: ChartView
  onView(change: Partial<ChartView>): void
}

function Sections({ sections, board, view, onView }: SectionsProps): ReactElement[] {
  let cards = 0
  return sections.map((section) => {
    const isOpenFirst = cards < OPEN_CARDS
    cards += Math.min(section.keys.length, PAGE_CARDS)
    const isToggled = view.toggled.includes(section.name)
    const toggle = () =>
      onView({
        toggled: isToggled
          ? view.toggled.filter((name) => name !== section.name)
          : [...view.toggled, section.name],
      })
    return (
      <SectionOfCards
        key={section.name}
        section={section}
        isOpen={isOpenFirst !== isToggled}
        toggle={toggle}
        isOnly={sections.length === 1}
        board={board}
        view={view}
        onView={onView}
      />
    )
  })
}

interface SectionProps extends Omit<SectionsProps, 'sections'> {
  section: Section
  isOpen: boolean
  isOnly: boolean
  toggle(): void
}

function SectionOfCards(props: SectionProps): ReactElement {
  const { section, isOpen, isOnly, toggle, board, view, onView } = props
  const [limit, setLimit] = useState(PAGE_CARDS)
  const rest = section.keys.length - limit
  const prefix = section.name ? section.name.length + 1 : 0
  return (
    <section className="cards">
      {!(isOnly && !section.name) && (
        <h2>
          <button type="button" className="section-head" aria-expanded={isOpen} onClick={toggle}>
            <Icon name="chevron" />
            {section.name || 'metrics'}
            <span className="muted tabular">{formatCount(section.keys.length)}</span>
          </button>
        </h2>
      )}
      {isOpen && (
        <div className="grid">
          {section.keys.slice(0, limit).map((key) => (
            <Card
              key={key}
              board={board}
              metric={key}
              title={key.slice(prefix)}
              view={view}
              onView={onView}
            />
          ))}
        </div>
      )}
      {isOpen && rest > 0 && (
        <button type="button" className="more" onClick={() => setLimit(limit + PAGE_CARDS)}>
          Show {Math.min(rest, PAGE_CARDS)} more of {formatCount(rest)}
        </button>
      )}
    </section>
  )
}
