// The few signs the pages use, drawn on a 16 px grid in the colour of the text.
import type { ReactElement } from 'react'

const PATHS = {
  chevron: 'M6 4l4 4-4 4',
  close: 'M4 4l8 8M12 4l-8 8',
  columns: 'M2.5 3.5h11v9h-11zM6.2 3.5v9M9.8 3.5v9',
  copy: 'M5.5 5.5h7v8h-7zM3.5 10.5v-8h7',
  expand: 'M9.5 2.5h4v4M13.5 2.5l-4.5 4.5M6.5 13.5h-4v-4M2.5 13.5l4.5-4.5',
  grip: 'M6 4v.01M10 4v.01M6 8v.01M10 8v.01M6 12v.01M10 12v.01',
  pin: 'M6 2.5h4l-.5 4.5 2.5 2.5H4L6.5 7zM8 9.5v4',
  corner: 'M13 7l-6 6M13 11l-2 2',
  filter: 'M2.5 4h11M4.5 8h7M6.5 12h3',
  folder: 'M2 4.5h4l1.5 1.5H14v6.5H2z',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  rail: 'M2.5 3.5h11v9h-11zM6.5 3.5v9',
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.5 10.5l3 3',
  sun: 'M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6zM8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1',
  tag: 'M2.5 2.5h5l6 6-5 5-6-6zM5.2 5.2v.01',
  undo: 'M5.5 3L2.5 6l3 3M2.5 6h7a3.5 3.5 0 0 1 0 7H6',
  download: 'M8 2.5v7.5M5 7l3 3 3-3M3 13.5h10',
  bookmark: 'M4.5 2.5h7v11L8 10.5l-3.5 3z',
  group: 'M2.5 3.5h11M5.5 8h8M5.5 12.5h8M2.5 3.5v9h3M2.5 8h3',
  more: 'M3.5 8v.01M8 8v.01M12.5 8v.01',
  plus: 'M8 3v10M3 8h10',
  trash: 'M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9',
  code: 'M5.5 4.5L2 8l3.5 3.5M10.5 4.5L14 8l-3.5 3.5',
} as const

export function Icon({ name }: { name: keyof typeof PATHS }): ReactElement {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
