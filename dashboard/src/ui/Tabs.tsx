// Tabs that are addresses: by click, by number key, and by [ and ].
import { Link, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useEffect, useMemo, useRef } from 'react'
import { formatCount } from '#lib/format.ts'
import { type Shortcut, useShortcuts } from './shortcuts.ts'

export interface Tab {
  name: string
  title: string
  href: string
  /** What of the address's question changes; else all of it stays. */
  search?: Record<string, unknown>
  /** How much stands there, if that is known. */
  count?: number | undefined
}

interface TabsProps {
  label: string
  tabs: readonly Tab[]
  current: string
}

export function Tabs({ label, tabs, current }: TabsProps): ReactElement {
  const navigate = useNavigate()
  const shortcuts = useMemo<Shortcut[]>(() => {
    const go = (tab: Tab | undefined) =>
      tab && void navigate({ to: tab.href, search: searchOf(tab) })
    const at = tabs.findIndex((tab) => tab.name === current)
    const step = (by: number) => () => go(tabs[(at + by + tabs.length) % tabs.length])
    return [
      { key: '[', label: 'The tab before', run: step(-1) },
      { key: ']', label: 'The next tab', run: step(1) },
      ...tabs.slice(0, 9).map((tab, index) => ({
        key: String(index + 1),
        label: tab.title,
        run: () => go(tab),
      })),
    ]
  }, [tabs, current, navigate])
  useShortcuts(label, shortcuts, true)
  const bar = useRef<HTMLElement>(null)
  // On a phone the bar is wider than the window: the current tab is brought into sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever another tab is current
  useEffect(() => {
    const tab = bar.current?.querySelector('[aria-current]')
    if (!bar.current || !(tab instanceof HTMLElement)) return
    const room = bar.current.clientWidth - tab.offsetWidth
    bar.current.scrollLeft = tab.offsetLeft - room / 2
  }, [current])
  return (
    <nav ref={bar} className="tabs" aria-label={label}>
      {tabs.map((tab, index) => (
        <Link
          key={tab.name}
          to={tab.href}
          search={searchOf(tab)}
          activeOptions={{ exact: true, includeSearch: true }}
          aria-current={tab.name === current ? 'page' : undefined}
          title={`${tab.title} (${index + 1})`}
        >
          {tab.title}
          {tab.count !== undefined && tab.count > 0 && (
            <span className="muted tabular">{formatCount(tab.count)}</span>
          )}
        </Link>
      ))}
    </nav>
  )
}

/** Typed as what any route takes: each page checks the question of its own address. */
function searchOf(tab: Tab) {
  return ((before: object) => ({ ...before, ...tab.search })) as unknown as true
}
