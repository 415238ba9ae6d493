// The filter as text: completed while one types, its mistakes underlined where they are.
import {
  type KeyboardEvent,
  type ReactElement,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { isBare, quote } from '#lib/filters.ts'
import { formatCount } from '#lib/format.ts'
import { Icon } from '#ui/icons.tsx'
import { type Shortcut, useShortcuts } from '#ui/shortcuts.ts'
import { accept, type Suggestion } from './completion.ts'
import { rememberFilter, useMistake, useSuggestions } from './editor.ts'

interface QueryBoxProps {
  experimentId: string
  /** As it is applied. */
  value: string
  onChange(filter: string): void
}

// A filter that can be read is applied once one rests.
const REST_MS = 600

export function QueryBox({ experimentId, value, onChange }: QueryBoxProps): ReactElement {
  const input = useRef<HTMLInputElement>(null)
  const echo = useRef<HTMLDivElement>(null)
  const [text, setText] = useState(value)
  const [cursor, setCursor] = useState(value.length)
  const [isOpen, setOpen] = useState(false)
  const [chosen, setChosen] = useState(-1)
  const [isDone, setDone] = useState(true)
  const mistake = useMistake(text)
  const found = useSuggestions(experimentId, text, cursor, isOpen)
  const isPlain = isBare(text)
  // Where the cursor goes with a text that was not typed.
  const moved = useRef<number>(null)
  useLayoutEffect(() => {
    if (moved.current !== null) input.current?.setSelectionRange(moved.current, moved.current)
    moved.current = null
  })
  useEffect(() => {
    setText(value)
  }, [value])

  const apply = (filter: string) => {
    rememberFilter(experimentId, filter.trim())
    onChange(filter.trim())
  }
  const latest = useRef(apply)
  latest.current = apply
  useEffect(() => {
    if (text === value || mistake !== null || isPlain) return
    const timer = setTimeout(() => latest.current(text), text.trim() ? REST_MS : 0)
    return () => clearTimeout(timer)
  }, [text, value, mistake, isPlain])

  const take = (suggestion: Suggestion) => {
    const next = accept(text, suggestion)
    setText(next.text)
    setCursor(next.cursor)
    setChosen(-1)
    moved.current = next.cursor
    if (suggestion.kind === 'RECENT') {
      setOpen(false)
      apply(next.text)
    }
  }
  const submit = () => {
    setOpen(false)
    setChosen(-1)
    setDone(true)
    if (!isPlain) {
      if (mistake === null) apply(text)
      return
    }
    const named = `name CONTAINS ${quote(text.trim())}`
    setText(named)
    apply(named)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    const picked = found[chosen]
    if (by) {
      event.preventDefault()
      if (!isOpen) setOpen(true)
      else setChosen(Math.max(-1, Math.min(found.length - 1, chosen + by)))
    } else if (event.key === 'Tab' && isOpen && !event.shiftKey && text && (picked ?? found[0])) {
      event.preventDefault()
      take(picked ?? (found[0] as Suggestion))
    } else if (event.key === 'Enter') {
      event.preventDefault()
      if (isOpen && picked) take(picked)
      else submit()
    } else if (event.key === 'Escape') {
      event.preventDefault()
      if (isOpen && found.length) setOpen(false)
      else if (text !== value) setText(value)
      else input.current?.blur()
    } else if (event.key === ' ' && event.ctrlKey) {
      event.preventDefault()
      setOpen(true)
    }
  }
  useShortcuts('Filter', useFocusShortcut(input))
  // What only ends too early is a mistake once one is done with it.
  const isUnfinished = mistake ? mistake.start >= text.trimEnd().length : false
  const isWrong = mistake !== null && mistake !== undefined && (!isUnfinished || isDone)
  useLayoutEffect(() => {
    if (isWrong && echo.current && input.current) {
      echo.current.scrollLeft = input.current.scrollLeft
    }
  })
  const place = () => setCursor(input.current?.selectionStart ?? text.length)
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: only closes what is open when focus leaves
    <div
      className={isWrong ? 'query wrong' : 'query'}
      onBlur={(event) => {
        if (event.currentTarget.contains(event.relatedTarget)) return
        setOpen(false)
        setDone(true)
      }}
    >
      <Icon name="search" />
      <div className="query-field">
        <div ref={echo} className="query-echo" aria-hidden="true">
          {isWrong && (
            <>
              {text.slice(0, mistake.start)}
              <mark>{text.slice(mistake.start, mistake.end) || ' '}</mark>
              {text.slice(mistake.end)}
            </>
          )}
        </div>
        <input
          ref={input}
          role="combobox"
          aria-label="Filter runs"
          aria-expanded={isOpen && found.length > 0}
          aria-controls="query-list"
          aria-activedescendant={found[chosen] ? `query-${chosen}` : undefined}
          aria-invalid={isWrong}
          aria-describedby={isWrong ? 'query-mistake' : undefined}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          placeholder="Filter: metrics.loss < 0.1 AND params.optimizer = 'adam', or words of a name"
          value={text}
          onChange={(event) => {
            setText(event.target.value)
            setCursor(event.target.selectionStart ?? event.target.value.length)
            setChosen(-1)
            setOpen(true)
            setDone(false)
          }}
          onFocus={() => setOpen(text === '')}
          onClick={place}
          onKeyUp={place}
          onKeyDown={onKeyDown}
          onScroll={(event) => {
            if (echo.current) echo.current.scrollLeft = event.currentTarget.scrollLeft
          }}
        />
      </div>
      {text && (
        <button
          type="button"
          className="quiet bare"
          aria-label="Show all runs"
          title="Show all runs"
          onClick={() => {
            setText('')
            apply('')
            input.current?.focus()
            setOpen(true)
          }}
        >
          <Icon name="close" />
        </button>
      )}
      {(isWrong || (isOpen && (isPlain || found.length > 0))) && (
        <div className="query-panel">
          {isWrong && (
            <p id="query-mistake" className="query-mistake" role="alert">
              {mistake.message}
            </p>
          )}
          {isOpen && isPlain && (
            <p className="muted query-hint">
              <kbd>Enter</kbd> finds runs whose name contains “{text.trim()}”
            </p>
          )}
          {isOpen && found.length > 0 && <List found={found} chosen={chosen} take={take} />}
        </div>
      )}
    </div>
  )
}

interface ListProps {
  found: readonly Suggestion[]
  chosen: number
  take(suggestion: Suggestion): void
}

function List({ found, chosen, take }: ListProps): ReactElement {
  return (
    <div id="query-list" role="listbox" aria-label="Suggestions" className="query-list">
      {found.map((suggestion, index) => (
        <div
          key={`${suggestion.kind} ${suggestion.text}`}
          id={`query-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === chosen}
          className="command"
          ref={index === chosen ? (at) => at?.scrollIntoView({ block: 'nearest' }) : undefined}
          onPointerDown={(event) => {
            event.preventDefault()
            take(suggestion)
          }}
        >
          <code className="clip">{suggestion.text}</code>
          <span className="muted">
            {suggestion.runs !== null && `${formatCount(suggestion.runs)} runs · `}
            {suggestion.kind.toLowerCase()}
          </span>
        </div>
      ))}
    </div>
  )
}

function useFocusShortcut(input: { current: HTMLInputElement | null }): readonly Shortcut[] {
  return useMemo(
    () => [{ key: 'f', label: 'Filter runs', run: () => input.current?.focus() }],
    [input],
  )
}
