// A field that narrows what is listed beside it; Escape leaves it.
import type { ReactElement, RefObject } from 'react'
import { Icon } from './icons.tsx'

export function SearchField(props: {
  field: RefObject<HTMLInputElement | null>
  label: string
  placeholder: string
  value: string
  onChange(value: string): void
}): ReactElement {
  return (
    <label className="search">
      <Icon name="search" />
      <input
        ref={props.field}
        type="search"
        placeholder={props.placeholder}
        aria-label={props.label}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
      />
    </label>
  )
}
