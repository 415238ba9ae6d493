// The state of a view as it stands in its address: checked when read, left out where it is the default.

export type Axis = 'step' | 'relative' | 'time'

/** How all charts of a page are drawn. */
export interface ChartView {
  x: Axis
  smooth: number
  logX: boolean
  logY: boolean
  clip: boolean
  /** The zoomed range of x: steps, seconds since each run's start, or Unix milliseconds. */
  zoom: [number, number] | null
  /** A search over metric keys. */
  keys: string
  /** Sections that were opened or closed against their default. */
  toggled: string[]
  /** The one metric shown alone. */
  full: string
}

/** The same in the address: only what differs from the default. */
export interface ChartSearch {
  x?: Axis
  smooth?: number
  log?: 'x' | 'y' | 'xy'
  clip?: true
  zoom?: string
  keys?: string
  toggled?: string
  full?: string
}

type Raw = Record<string, unknown>

export function readText(raw: Raw, name: string): string | undefined {
  const value = raw[name]
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function readChoice<T extends string>(
  raw: Raw,
  name: string,
  choices: readonly T[],
): T | undefined {
  return choices.find((choice) => choice === raw[name])
}

/** Text that holds several names; a comma inside a name is doubled. */
export function packList(names: readonly string[]): string | undefined {
  return names.length ? names.map((name) => name.replaceAll(',', ',,')).join(', ') : undefined
}

export function unpackList(text: string | undefined): string[] {
  if (!text) return []
  return text.split(/(?<!,), (?!,)/).map((name) => name.replaceAll(',,', ','))
}

export function checkChartSearch(raw: Raw): ChartSearch {
  const search: ChartSearch = {}
  const x = readChoice(raw, 'x', ['step', 'relative', 'time'] as const)
  if (x && x !== 'step') search.x = x
  const smooth = Number(raw.smooth)
  if (smooth > 0 && smooth < 1) search.smooth = smooth
  const log = readChoice(raw, 'log', ['x', 'y', 'xy'] as const)
  if (log) search.log = log
  if (raw.clip === true) search.clip = true
  const zoom = readText(raw, 'zoom')
  if (zoom && parseZoom(zoom)) search.zoom = zoom
  for (const name of ['keys', 'toggled', 'full'] as const) {
    const text = readText(raw, name)
    if (text) search[name] = text
  }
  return search
}

export function toChartView(search: ChartSearch): ChartView {
  return {
    x: search.x ?? 'step',
    smooth: search.smooth ?? 0,
    logX: search.log?.includes('x') ?? false,
    logY: search.log?.includes('y') ?? false,
    clip: search.clip ?? false,
    zoom: search.zoom ? parseZoom(search.zoom) : null,
    keys: search.keys ?? '',
    toggled: unpackList(search.toggled),
    full: search.full ?? '',
  }
}

/** The address's part for a view; undefined takes a name out of it. */
export function fromChartView(view: ChartView): Record<keyof ChartSearch, unknown> {
  const log = `${view.logX ? 'x' : ''}${view.logY ? 'y' : ''}`
  return {
    x: view.x === 'step' ? undefined : view.x,
    smooth: view.smooth > 0 ? view.smooth : undefined,
    log: log || undefined,
    clip: view.clip || undefined,
    zoom: view.zoom ? `${view.zoom[0]}..${view.zoom[1]}` : undefined,
    keys: view.keys || undefined,
    toggled: packList(view.toggled),
    full: view.full || undefined,
  }
}

function parseZoom(text: string): [number, number] | null {
  const [start, end] = text.split('..').map(Number)
  if (start === undefined || end === undefined || !(start < end)) return null
  return Number.isFinite(start) && Number.isFinite(end) ? [start, end] : null
}
