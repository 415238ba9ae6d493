// What stands around each panel: its fields above, trouble and notes.
import type { ReactElement, ReactNode } from 'react'
import type { ApiError } from '#api/errors.ts'
import { labelOf } from '#lib/fields.ts'
import { Notice } from '#ui/Notice.tsx'
import { Skeleton } from '#ui/Skeleton.tsx'

interface FrameProps {
  error: ApiError | null
  isLoading: boolean
  note?: ReactNode
  controls: ReactNode
  children: ReactNode
}

export function Frame({ error, isLoading, note, controls, children }: FrameProps): ReactElement {
  return (
    <section className="panel">
      <div className="panel-controls">
        {controls}
        <span className="muted tabular panel-note">{note}</span>
      </div>
      {error && <Notice title="This could not be loaded" trouble={error} />}
      {isLoading && !error ? <Skeleton rows={6} height={28} /> : children}
    </section>
  )
}

interface FieldPickerProps {
  label: string
  value: string
  fields: readonly string[]
  onField(field: string): void
}

export function FieldPicker({ label, value, fields, onField }: FieldPickerProps): ReactElement {
  const all = fields.includes(value) ? fields : [value, ...fields]
  return (
    <label className="field-picker">
      <span className="muted">{label}</span>
      <select value={value} onChange={(event) => onField(event.target.value)}>
        {all.map((field) => (
          <option key={field} value={field}>
            {field ? nameOf(field) : 'none'}
          </option>
        ))}
      </select>
    </label>
  )
}

export function nameOf(field: string): string {
  const { label, note } = labelOf(field)
  return note && note !== 'last' ? `${label} (${note})` : label
}
