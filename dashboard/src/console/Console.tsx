// What a run prints, as it prints it: any number of lines, live, searched, filtered.
import {
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
import { formatCount } from '#lib/format.ts'
import { recall, remember } from '#lib/storage.ts'
import { Beginning } from '#ui/Beginning.tsx'
import { Icon } from '#ui/icons.tsx'
import { Lines, type LinesHandle } from '#ui/Lines.tsx'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { step } from './lines.ts'
import { Row } from './Row.tsx'
import { ConsoleStore, MOST_MATCHES } from './store.ts'
import { Take } from './Take.tsx'
import './console.css'

const ROW_PX = 18
const SEARCH_MS = 200

interface ConsoleProps {
  runId: string
  runName: string
  isRunning: boolean
  /** A line that a link names, from 1. */
  linked: number | null
  onLink(line: number): void
}

type Stream = 'STDOUT' | 'STDERR' | null

export default function Console(props: ConsoleProps): ReactElement {
  const { runId, runName, isRunning, linked, onLink } = props
  const store = useStore(runId)
  const [needle, setNeedle] = useState('')
  const [stream, setStream] = useState<Stream>(null)
  const [isOnly, setOnly] = useState(false)
  const [isFollowing, setFollowing] = useState(linked === null)
  const [current, setCurrent] = useState(-1)
  const [isWrapped, toggleWrap] = useSetting('console.wrap', false)
  const [hasTime, toggleTime] = useSetting('console.time', false)
  const lines = useRef<LinesHandle>(null)
  const field = useRef<HTMLInputElement>(null)
  const seen = useRef(0)
  useEffect(() => {
    if (!store) return
    const timer = setTimeout(() => store.search(isOnly ? '' : needle), needle ? SEARCH_MS : 0)
    return () => clearTimeout(timer)
  }, [store, needle, isOnly])
  const filterText = isOnly ? needle : ''
  useEffect(() => {
    if (!store) return
    const timer = setTimeout(
      () => store.show(filterText || stream ? { search: filterText, stream } : null),
      filterText ? SEARCH_MS : 0,
    )
    return () => clearTimeout(timer)
  }, [store, filterText, stream])
  const onSeen = useCallback(
    (first: number, last: number) => {
      seen.current = first
      store?.want(first, last)
    },
    [store],
  )
  useEffect(() => {
    if (!store?.isReady || linked === null) return
    setCurrent(linked - 1)
    lines.current?.show(linked - 1)
  }, [store?.isReady, linked])
  const matches = store?.matches
  // Keys may come faster than the page is drawn.
  const at = useRef(current)
  at.current = current
  const go = useCallback(
    (by: 1 | -1) => {
      const matches = store?.matches
      if (!matches?.length) return
      const from = at.current >= 0 ? at.current : seen.current - by
      const found = matches[step(matches, from, by)] ?? -1
      at.current = found
      setFollowing(false)
      setCurrent(found)
      lines.current?.show(found)
    },
    [store],
  )
  // The first match is shown as soon as it is found.
  const isFound = Boolean(needle && matches?.length)
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each search
  useEffect(() => {
    if (isFound && current < 0) go(1)
  }, [isFound, needle])
  const shortcuts = useMemo<Shortcut[]>(
    () => [
      { key: '/', label: 'Search the console', run: () => field.current?.select() },
      { key: 'n', label: 'Next match', run: () => go(1) },
      { key: 'N', label: 'Match before', run: () => go(-1) },
      { key: 'w', label: 'Wrap lines', run: toggleWrap },
      { key: 't', label: 'Times', run: toggleTime },
      { key: 'G', label: 'To the end, and follow', run: () => setFollowing(true) },
      {
        key: 'g',
        label: 'To the first line',
        run: () => {
          setFollowing(false)
          lines.current?.show(0)
        },
      },
    ],
    [go, toggleWrap, toggleTime],
  )
  useShortcuts('Console', shortcuts, true)
  if (!store || (!store.isReady && !store.error)) return <Skeleton rows={16} height={12} />
  if (!store.isReady) {
    return <Notice title="The console could not be loaded" trouble={toApiError(store.error)} />
  }
  const count = store.count
  if (store.total === 0 && store.open.length === 0) {
    return (
      <Beginning
        title={
          isRunning
            ? 'Nothing is printed yet. Lines appear here as soon as they are.'
            : 'Nothing that this run printed was captured.'
        }
        code={PYTHON}
      />
    )
  }
  const hasWriter =
    store.open.some((line) => line.writer) || Boolean(store.row(seen.current)?.writer)
  return (
    <section className="console" aria-label="Console">
      <div className="toolbar">
        <label className="search">
          <Icon name="search" />
          <input
            ref={field}
            type="search"
            placeholder="Find…"
            aria-label="Search the console"
            value={needle}
            onChange={(event) => {
              setNeedle(event.target.value)
              setCurrent(-1)
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter') go(event.shiftKey ? -1 : 1)
              if (event.key !== 'Escape') return
              // Browsers would empty the field; n and N go on with what is in it.
              event.preventDefault()
              event.currentTarget.blur()
            }}
          />
        </label>
        {needle && !isOnly && <Found store={store} current={current} go={go} />}
        {needle && (
          <button
            type="button"
            className="quiet"
            aria-pressed={isOnly}
            onClick={() => setOnly(!isOnly)}
          >
            Only matches
          </button>
        )}
        <span className="spacer" />
        <fieldset className="segments" aria-label="Stream">
          {([null, 'STDOUT', 'STDERR'] as const).map((each) => (
            <button
              key={String(each)}
              type="button"
              aria-pressed={each === stream}
              onClick={() => setStream(each)}
            >
              {each?.toLowerCase() ?? 'all'}
            </button>
          ))}
        </fieldset>
        <button
          type="button"
          className="quiet"
          aria-pressed={isWrapped}
          title="Wrap lines (w)"
          onClick={toggleWrap}
        >
          Wrap
        </button>
        <button
          type="button"
          className="quiet"
          aria-pressed={hasTime}
          title="When each line was printed (t)"
          onClick={toggleTime}
        >
          Times
        </button>
        <Take store={store} name={runName} />
      </div>
      <div className="console-body">
        <Lines
          count={count}
          rowPx={ROW_PX}
          label="Lines"
          role="log"
          className={isWrapped ? 'console-lines wrapped' : 'console-lines'}
          isWrapped={isWrapped}
          isFollowing={isFollowing}
          onFollow={setFollowing}
          onSeen={onSeen}
          handle={lines}
          line={(index) => (
            <Row
              key={index}
              index={index}
              line={store.row(index)}
              needle={needle}
              isCurrent={current >= 0 && store.row(index)?.number === current}
              hasTime={hasTime}
              hasWriter={hasWriter}
              onNumber={(number) => {
                setCurrent(number)
                onLink(number + 1)
              }}
            />
          )}
        />
        {!isFollowing && (
          <button type="button" className="console-end" onClick={() => setFollowing(true)}>
            {isRunning ? 'Follow' : 'To the end'} <kbd>G</kbd>
          </button>
        )}
      </div>
      <p className="console-foot muted tabular" role="status">
        {store.filtered
          ? `${formatCount(store.filtered.length)} of ${formatCount(store.total)} lines`
          : `${formatCount(store.total)} lines`}
        {store.isFiltering && ', searching…'}
        {store.dropped > 0 && `, ${formatCount(store.dropped)} more were not kept`}
      </p>
    </section>
  )
}

const PYTHON = `import trackql

with trackql.start_run():  # what it prints is captured
    print("epoch 1, loss 0.42")`

interface FoundProps {
  store: ConsoleStore
  current: number
  go(by: 1 | -1): void
}

function Found({ store, current, go }: FoundProps): ReactElement {
  const { matches, isSearching } = store
  const count = matches?.length ?? 0
  const at = matches?.indexOf(current) ?? -1
  const most = count >= MOST_MATCHES ? '+' : ''
  return (
    <span className="found" data-testid="found">
      <span className="muted tabular">
        {count === 0
          ? isSearching
            ? 'Searching…'
            : 'No match'
          : `${at >= 0 ? `${formatCount(at + 1)} of ` : ''}${formatCount(count)}${most}${isSearching ? '…' : ''}`}
      </span>
      <button
        type="button"
        className="quiet bare up"
        aria-label="Match before"
        title="Match before (N)"
        disabled={count === 0}
        onClick={() => go(-1)}
      >
        <Icon name="chevron" />
      </button>
      <button
        type="button"
        className="quiet bare down"
        aria-label="Next match"
        title="Next match (n)"
        disabled={count === 0}
        onClick={() => go(1)}
      >
        <Icon name="chevron" />
      </button>
    </span>
  )
}

function useStore(runId: string): ConsoleStore | null {
  const [store, setStore] = useState<ConsoleStore | null>(null)
  useConnection()
  useEffect(() => {
    const made = new ConsoleStore(runId)
    setStore(made)
    void made.start()
    return () => made.stop()
  }, [runId])
  useSyncExternalStore(store?.subscribe ?? never, () => store?.version ?? 0)
  return store
}

function never(): () => void {
  return () => undefined
}

function useSetting(name: string, first: boolean): [boolean, () => void] {
  const [value, setValue] = useState(() => (recall(name) ?? String(first)) === 'true')
  const toggle = useCallback(() => {
    setValue((before) => {
      remember(name, String(!before))
      return !before
    })
  }, [name])
  return [value, toggle]
}
