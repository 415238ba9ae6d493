// The charts of a page: a control bar, and sections of cards that fetch only what is in sight.
import {
  memo,
  type ReactElement,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { useConnection } from '#api/connection.ts'
import { toApiError } from '#api/errors.ts'
import { arrange, isTidy, PINNED, TIDY } from '#lib/arrangement.ts'
import { formatCount } from '#lib/format.ts'
import { matcher, type Section, toSections } from '#lib/sections.ts'
import type { ChartView } from '#lib/view.ts'
import { Icon } from '#ui/icons.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { toast } from '#ui/toasts.tsx'
import { Board, type ChartRun } from './board.ts'
import { Card } from './Card.tsx'
import { Controls } from './Controls.tsx'
import { focusIn, Grid } from './Grid.tsx'
import { type Layout, useLayout } from './layout.ts'

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
  /** The experiment whose arrangement of charts is used. */
  place: string
  /** Undefined while they are not known. */
  keys: readonly string[] | undefined
  view: ChartView
  onView(change: Partial<ChartView>): void
  /** What to say when there is no metric. */
  empty: string
}

/** Pages are drawn anew with each change of a run; their charts only with their own. */
export const Charts = memo(function Charts(props: ChartsProps): ReactElement {
  const { board, place, keys, view, onView, empty } = props
  const layout = useLayout(place)
  const { arrangement, change } = layout
  const sections = useMemo(() => arrange(toSections(keys ?? []), arrangement), [keys, arrangement])
  const found = useMemo(() => search(sections, view.keys), [sections, view.keys])
  const shown = found.reduce((sum, { keys: some }) => sum + some.length, 0)
  const full = view.full && keys?.includes(view.full) ? view.full : ''
  useReturn(full)
  const reset = useCallback(() => {
    change(() => TIDY)
    toast('The charts are in their first order and size.', {
      label: 'Undo',
      run: () => change(() => arrangement),
    })
  }, [change, arrangement])
  const onReset = isTidy(arrangement) ? undefined : reset
  const shortcuts = useMemo<Shortcut[]>(
    () => [
      ...(full
        ? [{ key: 'Escape', label: 'Back to all charts', run: () => onView({ full: '' }) }]
        : []),
      ...(onReset ? [{ label: 'Reset the layout of the charts', run: onReset }] : []),
    ],
    [full, onView, onReset],
  )
  useShortcuts('Charts', shortcuts, true)
  if (!keys || !board) return <Skeleton rows={8} height={24} />
  if (keys.length === 0) return <p className="empty muted">{empty}</p>
  return (
    <section className="charts" aria-label="Charts">
      <Controls view={view} onView={onView} shown={shown} total={keys.length} onReset={onReset} />
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
        <Sections
          sections={sections}
          found={found}
          board={board}
          view={view}
          onView={onView}
          layout={layout}
        />
      )}
      {shown === 0 && <p className="empty muted">No metric matches “{view.keys}”.</p>}
    </section>
  )
})

function search(sections: readonly Section[], text: string): Section[] {
  const matches = matcher(text)
  return sections
    .map(({ name, keys }) => ({ name, keys: keys.filter(matches) }))
    .filter(({ keys }) => keys.length > 0)
}

/** A chart that was shown alone is where one looks when all are back. */
function useReturn(full: string): void {
  const before = useRef(full)
  useEffect(() => {
    if (before.current && !full) focusIn(before.current, '.expand')
    before.current = full
  }, [full])
}

function Troubles({ board }: { board: Board }): ReactElement | null {
  const error = useSyncExternalStore(board.onTrouble, () => board.error)
  const { status } = useConnection()
  if (!error || status === 'lost') return null
  return <Notice title="Some charts could not be loaded" trouble={toApiError(error)} />
}

interface SectionsProps {
  /** As arranged, all of them. */
  sections: readonly Section[]
  /** What a search leaves of them. */
  found: readonly Section[]
  board: Board
  view: ChartView
  onView(change: Partial<ChartView>): void
  layout: Layout
}

function Sections(props: SectionsProps): ReactElement[] {
  const { sections, found, view, onView } = props
  let cards = 0
  return found.map(({ name, keys }) => {
    const isOpenFirst = cards < OPEN_CARDS
    cards += Math.min(keys.length, PAGE_CARDS)
    const isToggled = view.toggled.includes(name)
    const toggle = () =>
      onView({
        toggled: isToggled ? view.toggled.filter((each) => each !== name) : [...view.toggled, name],
      })
    return (
      <SectionOfCards
        {...props}
        key={name}
        section={sections.find((section) => section.name === name) ?? { name, keys }}
        keys={keys}
        isOpen={isOpenFirst !== isToggled}
        toggle={toggle}
        isOnly={found.length === 1}
      />
    )
  })
}

interface SectionProps extends Omit<SectionsProps, 'sections' | 'found'> {
  section: Section
  keys: readonly string[]
  isOpen: boolean
  isOnly: boolean
  toggle(): void
}

function SectionOfCards(props: SectionProps): ReactElement {
  const { section, keys, isOpen, isOnly, toggle, board, view, onView, layout } = props
  const [limit, setLimit] = useState(PAGE_CARDS)
  const rest = keys.length - limit
  return (
    <section className="cards">
      {!(isOnly && !section.name) && (
        <h2>
          <button type="button" className="section-head" aria-expanded={isOpen} onClick={toggle}>
            <Icon name="chevron" />
            {section.name === PINNED ? 'Pinned' : section.name || 'metrics'}
            <span className="muted tabular">{formatCount(keys.length)}</span>
          </button>
        </h2>
      )}
      {isOpen && (
        <Grid
          section={section}
          keys={keys.slice(0, limit)}
          board={board}
          view={view}
          onView={onView}
          layout={layout}
        />
      )}
      {isOpen && rest > 0 && (
        <button type="button" className="more" onClick={() => setLimit(limit + PAGE_CARDS)}>
          Show {Math.min(rest, PAGE_CARDS)} more of {formatCount(rest)}
        </button>
      )}
    </section>
  )
}
