// The ways to look at a kind of file, the first one first.
import type { Kind } from './kinds.ts'

export type View =
  | 'Page'
  | 'Tree'
  | 'Table'
  | 'Image'
  | 'Changes'
  | 'Source'
  | 'Text'
  | 'Player'
  | 'Files'
  | 'Facts'

export function viewsOf(kind: Kind, path: string): View[] {
  const isText = !/\.(parquet|pq)$/i.test(path)
  switch (kind) {
    case 'markdown':
    case 'html':
      return ['Page', 'Source']
    case 'json':
      return ['Tree', 'Source']
    case 'table':
      return isText ? ['Table', 'Text'] : ['Table']
    case 'image':
      return /\.svg$/i.test(path) ? ['Image', 'Source'] : ['Image']
    case 'diff':
      return ['Changes', 'Source']
    case 'audio':
    case 'video':
      return ['Player']
    case 'pdf':
      return ['Page']
    case 'zip':
      return ['Files']
    case 'text':
      return ['Text']
    case 'none':
      return ['Facts']
  }
}
