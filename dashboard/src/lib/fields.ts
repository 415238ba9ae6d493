// Fields of a run as the filter language spells them: metrics.loss.min, params.lr, status.

export const ENTITIES = ['metrics', 'params', 'config', 'tags'] as const
export type Entity = (typeof ENTITIES)[number]

export const STATISTICS = [
  'last',
  'min',
  'max',
  'mean',
  'first',
  'sum',
  'count',
  'argmin',
  'argmax',
  'nan_count',
  'first_step',
  'last_step',
] as const
export type Statistic = (typeof STATISTICS)[number]

export const ATTRIBUTES = {
  start_time: 'Started',
  duration: 'Duration',
  status: 'Status',
  user: 'User',
  source_name: 'Source',
  git_commit: 'Commit',
  end_time: 'Ended',
  heartbeat_time: 'Last heard',
  run_id: 'ID',
  name: 'Name',
  description: 'Description',
  parent_run_id: 'Parent',
  dropped_points: 'Dropped points',
} as const

/** What a field's values are, as far as its name tells. */
export type Kind = 'number' | 'text' | 'time' | 'duration' | 'status' | 'param'

export interface Field {
  entity: Entity | 'attribute'
  key: string
  statistic: Statistic
}

// What a key may hold without quotes, as the server's grammar has it.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the characters that need quotes
const SEGMENT = /^[^\x00-,.;-?[-^`{-\x7f\s]+(?:\.[^\x00-,.;-?[-^`{-\x7f\s]+)*$/

/** Null for what is no field that a column can have. */
export function parseField(text: string): Field | null {
  const dot = text.indexOf('.')
  const head = text.slice(0, dot)
  const entity = ENTITIES.find((each) => each === head)
  if (!entity) {
    return text in ATTRIBUTES ? { entity: 'attribute', key: text, statistic: 'last' } : null
  }
  const rest = text.slice(dot + 1)
  const quoted = /^`((?:[^`]|``)+)`(?:\.(\w+))?$/.exec(rest)
  if (quoted) {
    const key = quoted[1]?.replaceAll('``', '`') ?? ''
    if (!quoted[2]) return { entity, key, statistic: 'last' }
    const statistic = STATISTICS.find((each) => each === quoted[2])
    return entity === 'metrics' && statistic ? { entity, key, statistic } : null
  }
  if (!SEGMENT.test(rest)) return null
  const end = rest.lastIndexOf('.')
  const statistic = STATISTICS.find((each) => each === rest.slice(end + 1))
  if (entity === 'metrics' && end > 0 && statistic) {
    return { entity, key: rest.slice(0, end), statistic }
  }
  return { entity, key: rest, statistic: 'last' }
}

export function spellField(
  entity: Entity | 'attribute',
  key: string,
  statistic: Statistic = 'last',
): string {
  if (entity === 'attribute') return key
  const last = key.slice(key.lastIndexOf('.') + 1)
  const isMistaken =
    entity === 'metrics' && key.includes('.') && STATISTICS.some((each) => each === last)
  const name = SEGMENT.test(key) && !isMistaken ? key : `\`${key.replaceAll('`', '``')}\``
  return `${entity}.${name}${statistic === 'last' ? '' : `.${statistic}`}`
}

export function kindOf(text: string): Kind {
  const field = parseField(text)
  if (!field) return 'text'
  if (field.entity === 'metrics') return 'number'
  if (field.entity === 'params' || field.entity === 'config') return 'param'
  if (field.key === 'status') return 'status'
  if (field.key === 'duration') return 'duration'
  if (field.key === 'dropped_points') return 'number'
  if (field.key.endsWith('_time')) return 'time'
  return 'text'
}

const NOTES = { params: 'param', tags: 'tag', config: 'config' } as const

export function labelOf(text: string): { label: string; note: string } {
  const field = parseField(text)
  if (!field) return { label: text, note: '' }
  const { entity, key, statistic } = field
  if (entity === 'attribute') {
    return { label: ATTRIBUTES[key as keyof typeof ATTRIBUTES] ?? key, note: '' }
  }
  return { label: key, note: entity === 'metrics' ? statistic : NOTES[entity] }
}

export interface Sort {
  field: string
  isDown: boolean
}

/** 'metrics.loss.min DESC' and its like. */
export function parseSort(text: string): Sort | null {
  const [, field = '', direction = 'ASC'] = /^(.*?)(?: (ASC|DESC))?$/s.exec(text) ?? []
  return parseField(field) ? { field, isDown: direction === 'DESC' } : null
}

export function spellSort({ field, isDown }: Sort): string {
  return isDown ? `${field} DESC` : field
}
