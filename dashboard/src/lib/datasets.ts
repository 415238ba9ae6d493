// What is known of a dataset, as clients wrote it: JSON as a rule, and of several shapes.

export interface Field {
  name: string
  type: string
  isRequired: boolean
}

/** Null where there is nothing, the text itself where it is no JSON. */
export function readJson(text: string | null | undefined): unknown {
  if (!text) return null
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The columns or tensors of a schema as MLflow spells them; null for any other shape. */
export function readFields(schema: unknown): Field[] | null {
  const rows = pick(schema, 'mlflow_colspec') ?? pick(schema, 'mlflow_tensorspec') ?? schema
  const list = Array.isArray(rows) ? rows : (pick(rows, 'columns') ?? pick(rows, 'fields'))
  if (!Array.isArray(list) || list.length === 0) return null
  const fields = list.map((row, index) => {
    const type = pick(row, 'type') ?? pick(row, 'dtype')
    if (typeof row !== 'object' || row === null || type === undefined) return null
    const name = pick(row, 'name')
    return {
      name: typeof name === 'string' ? name : String(index),
      type: typeof type === 'string' ? type : spellTensor(row, type),
      isRequired: pick(row, 'required') !== false && pick(row, 'nullable') !== true,
    }
  })
  return fields.every((field) => field !== null) ? fields : null
}

function spellTensor(row: unknown, type: unknown): string {
  const spec = pick(row, 'tensor-spec') ?? type
  const [dtype, shape] = [pick(spec, 'dtype'), pick(spec, 'shape')]
  if (typeof dtype !== 'string') return JSON.stringify(type)
  return Array.isArray(shape) ? `${dtype} [${shape.join(', ')}]` : dtype
}

/** Where a dataset lies: the address inside of a JSON source, or the source as it is. */
export function readSource(text: string): string {
  const source = readJson(text)
  for (const name of ['uri', 'url', 'path']) {
    const found = pick(source, name)
    if (typeof found === 'string' && found) return found
  }
  return text
}

function pick(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return (value as Record<string, unknown>)[name]
}
