// The tabs of a run and their addresses; a run opens on its charts.

export const TABS = [
  'overview',
  'charts',
  'artifacts',
  'media',
  'console',
  'code',
  'environment',
  'system',
  'datasets',
] as const

export type TabName = (typeof TABS)[number]

const TITLES: Record<TabName, string> = {
  overview: 'Overview',
  charts: 'Charts',
  artifacts: 'Artifacts',
  media: 'Media',
  console: 'Console',
  code: 'Code',
  environment: 'Environment',
  system: 'System',
  datasets: 'Datasets',
}

export function titleOf(tab: TabName): string {
  return TITLES[tab]
}

export function tabPath(runId: string, tab: TabName): string {
  return tab === 'charts' ? `/runs/${runId}` : `/runs/${runId}/${tab}`
}

/** What stands behind the id in an address: the tab, and the place in it. */
export function parsePlace(splat: string): { tab: TabName | null; path: string } {
  const [name = '', ...rest] = splat.split('/')
  if (!name) return { tab: 'charts', path: '' }
  const tab = TABS.find((each) => each === name) ?? null
  return { tab, path: rest.join('/').replace(/\/$/, '') }
}
