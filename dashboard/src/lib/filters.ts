// Filters as text, as far as an editor needs to know them: their conditions one by one.
import { kindOf } from './fields.ts'

export const OPERATORS = [
  '=',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'CONTAINS',
  'NOT CONTAINS',
  'LIKE',
  'NOT LIKE',
  'ILIKE',
  'NOT ILIKE',
  '~',
  '!~',
  'IN',
  'NOT IN',
  'BETWEEN',
  'NOT BETWEEN',
  'IS NULL',
  'IS NOT NULL',
] as const
export type Operator = (typeof OPERATORS)[number]

/** One line of the builder; a condition that is more than a comparison stands in `raw` alone. */
export interface Condition {
  field: string
  operator: Operator
  /** As the language writes it: quoted, where it is text. */
  value: string
  raw: string
}

interface Token {
  text: string
  start: number
  end: number
}

const TOKEN =
  /'(?:[^']|'')*'?|(?:[^\s()'"`,<>=!~]|`(?:[^`]|``)*`|(?<=\.)"[^"]*")+|"(?:[^"]|"")*"?|[<>=!~]+|[(),]/gu

function tokens(text: string): Token[] {
  return [...text.matchAll(TOKEN)].map(({ 0: found, index }) => ({
    text: found,
    start: index,
    end: index + found.length,
  }))
}

/** The parts that AND joins; the whole, where OR joins anything outside of parentheses. */
export function splitConditions(text: string): string[] {
  const parts: string[] = []
  let [depth, start, isBetween] = [0, 0, false]
  for (const token of tokens(text)) {
    const word = token.text.toUpperCase()
    if (word === '(') depth++
    else if (word === ')') depth--
    if (depth !== 0) continue
    if (word === 'OR') return [text.trim()].filter(Boolean)
    if (word === 'BETWEEN') isBetween = true
    else if (word === 'AND') {
      if (isBetween) isBetween = false
      else {
        parts.push(text.slice(start, token.start).trim())
        start = token.end
      }
    }
  }
  parts.push(text.slice(start).trim())
  return parts.filter(Boolean)
}

export function parseCondition(text: string): Condition {
  const raw: Condition = { field: '', operator: '=', value: '', raw: text }
  const [field, ...rest] = tokens(text)
  if (!field || !/^[\w`]/.test(field.text) || !rest[0] || hasOr(text)) return raw
  const word = (at: number) => rest[at]?.text.toUpperCase() ?? ''
  let [name, count] = [word(0), 1]
  if (name === 'NOT' || name === 'IS') {
    while (count < rest.length && /^(NOT|NULL|IN|I?LIKE|CONTAINS|BETWEEN)$/.test(word(count))) {
      name += ` ${word(count++)}`
    }
  }
  if (name === '==') name = '='
  if (name === '<>') name = '!='
  const operator = OPERATORS.find((each) => each === name)
  const last = rest[count - 1]
  if (!operator || !last) return raw
  const value = text.slice(last.end).trim()
  if (operator.startsWith('IS') !== (value === '')) return raw
  return { field: field.text, operator, value, raw: '' }
}

export function parseConditions(text: string): Condition[] {
  return splitConditions(text).map(parseCondition)
}

export function spellCondition({ field, operator, value, raw }: Condition): string {
  if (raw) return raw
  return operator.startsWith('IS') ? `${field} ${operator}` : `${field} ${operator} ${value}`
}

export function joinConditions(parts: readonly string[]): string {
  const some = parts.filter(Boolean)
  if (some.length < 2) return some.join('')
  return some.map((part) => (hasOr(part) ? `(${part})` : part)).join(' AND ')
}

function hasOr(text: string): boolean {
  let depth = 0
  return tokens(text).some(({ text: word }) => {
    depth += word === '(' ? 1 : word === ')' ? -1 : 0
    return depth === 0 && word.toUpperCase() === 'OR'
  })
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$|^[-+]?inf$|^nan$/i
const SPAN = /^-?(\d+(\.\d+)?(ms|[wdhms]))+$/

/** What a person typed as the value of a condition, in the language. */
export function toLiteral(field: string, operator: Operator, typed: string): string {
  const text = typed.trim()
  if (operator.startsWith('IS')) return ''
  if (/^\(.*\)$/s.test(text)) return text
  if (operator.endsWith('IN')) {
    const parts = text.split(',').map((part) => toLiteral(field, '=', part))
    return `(${parts.join(', ')})`
  }
  if (operator.endsWith('BETWEEN')) {
    const [low = '', high = ''] = text.split(/\s+AND\s+|\s*,\s*|\s*\.\.\s*/i)
    return `${toLiteral(field, '=', low)} AND ${toLiteral(field, '=', high)}`
  }
  if (/^'(?:[^']|'')*'$|^"(?:[^"]|"")*"$/.test(text)) return text
  const kind = kindOf(field)
  const isText = /LIKE|CONTAINS|~/.test(operator) || kind === 'text' || kind === 'status'
  if (!isText && (NUMBER.test(text) || SPAN.test(text) || /^(true|false)$/i.test(text))) {
    return text
  }
  return quote(text)
}

/** The same, back for editing. */
export function fromLiteral(operator: Operator, value: string): string {
  if (operator.endsWith('IN') && /^\(.*\)$/s.test(value)) {
    const parts = tokens(value.slice(1, -1)).filter(({ text }) => text !== ',')
    const plain = parts.map(({ text }) => unquote(text))
    if (plain.every((text) => !/[,']/.test(text))) return plain.join(', ')
    return value
  }
  return unquote(value)
}

function unquote(text: string): string {
  const inner = /^'((?:[^']|'')*)'$/s.exec(text)?.[1]?.replaceAll("''", "'")
  return inner ?? text
}

/** The condition that a field has this text, or has nothing. */
export function isCondition(field: string, value: string | null): string {
  if (value === null) return `${field} IS NULL`
  const isFlag = field.startsWith('config.') && /^(true|false)$/.test(value)
  return `${field} = ${isFlag ? value : quote(value)}`
}

/** Words without an operator are no filter: they are looked for in names. */
export function isBare(text: string): boolean {
  const words = tokens(text)
  if (words.length === 0) return false
  return words.every(
    ({ text: word }) =>
      /^[^<>=!~(),`'"]+$/.test(word) &&
      !/^(AND|OR|NOT|IN|I?LIKE|CONTAINS|BETWEEN|IS|NULL)$/i.test(word),
  )
}

/** The language counts characters, JavaScript UTF-16's halves of them. */
export function toCodePoints(text: string, at: number): number {
  return [...text.slice(0, at)].length
}

export function fromCodePoints(text: string, at: number): number {
  return [...text].slice(0, at).join('').length
}
